package dev.millrace.engine.constrain;

/** What a constraint may take; beyond any of these it is refused, in bounded time and memory. */
public final class GrammarLimits {

    /** Characters of a grammar's, pattern's or choice's text. */
    public static final int TEXT_CHARS = 1 << 18;
    /** Groups within groups. */
    public static final int NESTING = 200;
    /** Rules of one grammar. */
    public static final int RULES = 4000;
    /** States of all rules before they are made deterministic. */
    static final int NFA_STATES = 1 << 19;
    /** States of all rules. */
    static final int STATES = 1 << 17;
    /** Steps that making them deterministic may take. */
    static final long DETERMINISING_STEPS = 20_000_000;
    /** Ways to read one text at the same time. */
    static final int PARALLEL_ITEMS = 512;
    /** Configurations that a compiled constraint remembers. */
    static final int CONFIGURATIONS = 20_000;
    /** Bytes of masks that a compiled constraint remembers. */
    static final long MASK_BYTES = 16L << 20;

    private GrammarLimits() {}

    /** @throws GrammarException if there are more than allowed */
    static void require(long count, long most, String what) {
        if (count > most) {
            throw new GrammarException("the constraint is too large: more than " + most + " "
                    + what);
        }
    }

    /** @throws GrammarException if a text is too long */
    public static void requireText(String text, String what) {
        if (text.length() > TEXT_CHARS) {
            throw new GrammarException("the " + what + " has " + text.length()
                    + " characters, at most " + TEXT_CHARS + " are allowed");
        }
    }
}

package dev.millrace.engine.constrain.schema;

/** What a schema may take; beyond any of these it is refused. */
final class SchemaLimits {

    /** Ways to satisfy one schema, after choices within choices are multiplied out. */
    static final int ALTERNATIVES = 256;
    /** Values of one {@code enum}. */
    static final int VALUES = 20_000;
    /** References and combinations within each other, before anything is written. */
    static final int NESTING = 100;
    /** Members of one object that are named. */
    static final int PROPERTIES = 400;
    /** Optional members up to here are told apart by their names' bytes, others by rules. */
    static final int INLINE_OPTIONALS = 8;
    /** Digits of a bound, before and after its point. */
    static final int NUMBER_DIGITS = 18;

    /** Multiples that are written out one by one. */
    static final int MULTIPLES = 1000;

    private SchemaLimits() {}
}

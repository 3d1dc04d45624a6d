package dev.millrace.models.text.split;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** The rules that tokenizer files can ask for. */
public final class SplitRules {

    private static final CharacterSet SPACES = CharacterSet.ofTypes(CharacterTypes.SPACE);
    private static final CharacterSet SIGNS = CharacterSet.ofTypes(CharacterTypes.PUNCTUATION)
            .or((codePoint, types) -> codePoint < 128 && (types & CharacterTypes.SYMBOL) != 0);

    private SplitRules() {}

    /** GPT-2's pieces, which the ByteLevel stage makes by itself. */
    public static SplitRule gpt2() {
        return new Gpt2Split();
    }

    /** Numbers (N) apart from the rest, each digit by itself or runs of them. */
    public static SplitRule digits(boolean individual) {
        return new RunSplit(CharacterSet.ofTypes(CharacterTypes.NUMBER),
                individual ? 1 : RunSplit.UNLIMITED, false);
    }

    /** Every punctuation character (P, and all of ASCII's signs) apart from the rest. */
    public static SplitRule punctuation() {
        return new RunSplit(SIGNS, 1, false);
    }

    /** Words between white space, which is cut out. */
    public static SplitRule whitespace() {
        return new RunSplit(SPACES, RunSplit.UNLIMITED, true);
    }

    /** Words that each begin with this text. */
    public static SplitRule beforeEach(String literal) {
        return new LiteralSplit(literal.getBytes(StandardCharsets.UTF_8),
                LiteralSplit.Behavior.MERGED_WITH_NEXT);
    }

    /**
     * Cuts at a fixed text.
     *
     * @param literal  not empty
     * @param behavior what becomes of it, as tokenizer.json names it
     * @return empty if there is no such behaviour here
     */
    public static Optional<SplitRule> literal(String literal, String behavior) {
        LiteralSplit.Behavior known = switch (behavior) {
            case "Isolated" -> LiteralSplit.Behavior.ISOLATED;
            case "Removed" -> LiteralSplit.Behavior.REMOVED;
            case "MergedWithPrevious" -> LiteralSplit.Behavior.MERGED_WITH_PREVIOUS;
            case "MergedWithNext" -> LiteralSplit.Behavior.MERGED_WITH_NEXT;
            default -> null;
        };
        return Optional.ofNullable(known).map(
                found -> new LiteralSplit(literal.getBytes(StandardCharsets.UTF_8), found));
    }

    /** The rule that does what a regular expression says; empty if it is not a known one. */
    public static Optional<SplitRule> pattern(String regularExpression) {
        return SplitPatterns.find(regularExpression);
    }

    /** The same, but only for expressions of which every character is part of a match. */
    public static Optional<SplitRule> coveringPattern(String regularExpression) {
        return pattern(regularExpression).filter(rule -> rule instanceof Gpt2Split
                || rule instanceof WordSplit || rule instanceof CasedWordSplit);
    }
}

package dev.millrace.models.text.split;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The regular expressions that tokenizer files name, each with the rule that does the same. They
 * are known by their text: one that is not listed is never guessed at.
 */
final class SplitPatterns {

    private static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+"
            + "| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    private static final Map<String, Contractions> CONTRACTIONS = Map.of(
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)", Contractions.ANY_CASE,
            "'(?i:[sdmt]|ll|ve|re)", Contractions.ANY_CASE,
            "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])", Contractions.ASCII_CASE,
            "'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])", Contractions.ASCII_CASE);
    private static final String UPPERS = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWERS = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String PREFIX = "[^\\r\\n\\p{L}\\p{N}]?";
    /** Whitespace up to a line end: the plus changes nothing, since the star takes lines too. */
    private static final List<String> LINES = List.of("|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
            "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+");
    private static final Map<String, SplitRule> KNOWN = known();

    private SplitPatterns() {}

    /** The rule for a pattern whose matches are set apart from what is between them. */
    static Optional<SplitRule> find(String pattern) {
        return Optional.ofNullable(KNOWN.get(pattern.replace("\r", "\\r").replace("\n", "\\n")));
    }

    /** All that are known. */
    static Set<String> patterns() {
        return KNOWN.keySet();
    }

    /** Their rules. */
    static Set<SplitRule> rules() {
        return Set.copyOf(KNOWN.values());
    }

    private static Map<String, SplitRule> known() {
        Map<String, SplitRule> known = new HashMap<>();
        SplitRule gpt2 = new Gpt2Split();
        known.put(GPT2, gpt2);
        known.put(GPT2.replace("|\\s+(?!\\S)|\\s+", "|\\s+(?!\\S)"), gpt2);
        addWords(known);
        addCasedWords(known);
        addRuns(known);
        known.put("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
                + "|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*"
                + LINES.getFirst(), new DeepSeekSplit());
        return known;
    }

    private static void addWords(Map<String, SplitRule> known) {
        Map<String, Integer> digits = Map.of("\\p{N}", 1, "\\p{N}{1}", 1, "\\p{N}{1,3}", 3,
                "\\p{N}+", RunSplit.UNLIMITED);
        for (String lines : LINES) {
            CONTRACTIONS.forEach((contraction, kind) -> digits.forEach(
                    (digit, most) -> addWords(known, contraction, kind, digit, most, lines)));
        }
    }

    private static void addWords(Map<String, SplitRule> known, String contraction,
            Contractions kind, String digit, int most, String lines) {
        int marked = CharacterTypes.LETTER | CharacterTypes.MARK;
        String begin = contraction + "|" + PREFIX + "\\p{L}+|" + digit;
        String possessive = contraction + "|" + PREFIX + "+\\p{L}+|" + digit;
        SplitRule rule = new WordSplit(kind, CharacterTypes.LETTER, most, true);
        known.put(begin + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" + lines, rule);
        known.put(possessive + "| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*" + lines, rule);
        known.put(begin + "| ?[^\\s\\p{L}\\p{N}\\r\\n]+" + lines,
                new WordSplit(kind, CharacterTypes.LETTER, most, false));
        known.put(contraction + "|" + PREFIX + "[\\p{L}\\p{M}]+|" + digit
                + "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" + lines,
                new WordSplit(kind, marked, most, true));
    }

    private static void addCasedWords(Map<String, SplitRule> known) {
        String signs = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" + LINES.getFirst();
        Map<String, Integer> digits = Map.of("|\\p{N}", 1, "|\\p{N}{1,3}", 3);
        digits.forEach((digit, most) -> {
            known.put(PREFIX + UPPERS + "*" + LOWERS + "+|" + PREFIX + UPPERS + "+" + LOWERS + "*"
                    + digit + signs, new CasedWordSplit(most, null));
            CONTRACTIONS.forEach((contraction, kind) -> {
                String end = (contraction.startsWith("(")
                        ? contraction
                        : "(?:" + contraction + ")") + "?";
                known.put(PREFIX + UPPERS + "*" + LOWERS + "+" + end + "|" + PREFIX + UPPERS + "+"
                        + LOWERS + "*" + end + digit + signs, new CasedWordSplit(most, kind));
            });
        });
    }

    private static void addRuns(Map<String, SplitRule> known) {
        CharacterSet numbers = CharacterSet.ofTypes(CharacterTypes.NUMBER);
        known.put("\\p{N}", new RunSplit(numbers, 1, false));
        known.put("\\p{N}{1,3}", new RunSplit(numbers, 3, false));
        known.put("\\p{N}+", new RunSplit(numbers, RunSplit.UNLIMITED, false));
        known.put("[\\r\\n]", new RunSplit(CharacterSet.ofTypes(CharacterTypes.NEWLINE), 1, false));
        known.put("[0-9][0-9][0-9]", new DigitTripleSplit());
        known.put("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", new RunSplit(
                CharacterSet.ofRanges("\u4e00\u9fa5\u3040\u309f\u30a0\u30ff"), RunSplit.UNLIMITED,
                false));
    }
}

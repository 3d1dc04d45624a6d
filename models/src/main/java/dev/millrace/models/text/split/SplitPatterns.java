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
    private static final String CHINESE_AND_KANA = "\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff";
    /** As DeepSeek wrote it; the last range is not what its author meant, but what models saw. */
    private static final String CHINESE = "\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff";
    static final String WIDE_SIGNS = "!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f"
            + "\u3000-\u3002";
    /** DeepSeek's list of letters that have case. */
    static final String CASED_LETTERS = ""
            + "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf"
            + "\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f"
            + "\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481"
            + "\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd"
            + "\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a"
            + "\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57"
            + "\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe"
            + "\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec"
            + "\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d"
            + "\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f"
            + "\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee"
            + "\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787"
            + "\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a"
            + "\uff41-\uff5a\ud801\udc00-\ud801\udc4f\ud801\udcb0-\ud801\udcd3"
            + "\ud801\udcd8-\ud801\udcfb\ud803\udc80-\ud803\udcb2"
            + "\ud803\udcc0-\ud803\udcf2\ud806\udca0-\ud806\udcdf"
            + "\ud83a\udd00-\ud83a\udd43";
    /** What ends words of BLOOM and Poro. */
    private static final String STOPS = "(|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)";
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
        addRun(known, "\\p{N}", CharacterSet.ofTypes(CharacterTypes.NUMBER));
        known.put("\\p{N}{1,3}",
                new RunSplit(CharacterSet.ofTypes(CharacterTypes.NUMBER), 3, false));
        addRun(known, "[\\r\\n]", CharacterSet.ofTypes(CharacterTypes.NEWLINE));
        known.put("[0-9][0-9][0-9]", new DigitTripleSplit());
        known.put("(?=(\\d{3})+(?!\\d))", new DigitGroupSplit());
        known.put("\\s+$", new TrailingSpaceSplit());
        CharacterSet spaces = CharacterSet.ofTypes(CharacterTypes.SPACE);
        known.put("\\s?\\p{L}+",
                new PrefixedRunSplit(spaces, CharacterSet.ofTypes(CharacterTypes.LETTER)));
        known.put("\\s?\\p{P}+",
                new PrefixedRunSplit(spaces, CharacterSet.ofTypes(CharacterTypes.PUNCTUATION)));
        CharacterSet punctuation = CharacterSet.ofTypes(CharacterTypes.PUNCTUATION);
        addRun(known, "[\\p{P}\\$\\+<=>\\^~\\|`]",
                punctuation.or(CharacterSet.ofCharacters("$+<=>^~|`")));
        addRun(known, "[\\p{P}\\$\\+<=>\\^~\\|]",
                punctuation.or(CharacterSet.ofCharacters("$+<=>^~|")));
        for (String ranges : List.of(CHINESE, CHINESE_AND_KANA)) {
            addRun(known, "[" + ranges + "]", CharacterSet.ofRanges(ranges));
        }
        for (String ranges : List.of(CASED_LETTERS, WIDE_SIGNS)) {
            known.put("\\s?[" + ranges + "]+",
                    new PrefixedRunSplit(spaces, CharacterSet.ofRanges(ranges)));
        }
        CharacterSet stops = CharacterSet.ofCharacters(STOPS).or(spaces);
        known.put(" ?[^(\\s" + STOPS.substring(1) + "]+", new PrefixedRunSplit(
                CharacterSet.ofCharacters(" "),
                (codePoint, types) -> !stops.contains(codePoint, types)));
        CharacterSet lines = CharacterSet.ofCharacters("\n");
        known.put("[^\\n]+|[\\n]+", new RunSplit(lines, RunSplit.UNLIMITED, false));
    }

    /** Single characters, and with a plus whole runs of them. */
    private static void addRun(Map<String, SplitRule> known, String pattern,
            CharacterSet characters) {
        known.put(pattern, new RunSplit(characters, 1, false));
        known.put(pattern + "+", new RunSplit(characters, RunSplit.UNLIMITED, false));
    }
}

package dev.millrace.models.text.split;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How the vocabularies cut their text that GGUF files know by a name ({@code tokenizer.ggml.pre}).
 *
 * @param rules      each applied to the pieces of the one before
 * @param wholeFirst whether a word that is a piece is taken without merging
 * @param addsStart  whether prompts begin with the start token unless the file says otherwise
 * @param fromBytes  whether pieces are raw bytes in GPT-2's alphabet
 */
public record SplitPreset(List<SplitRule> rules, boolean wholeFirst, boolean addsStart,
        boolean fromBytes) {

    private static final String LINES = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String WORDS = "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
    private static final String SIGNS = "| ?[^\\s\\p{L}\\p{N}]+";
    private static final String UPPERS = "[^\\r\\n\\p{L}\\p{N}]?"
            + "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWERS = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+" + SIGNS
            + "|\\s+(?!\\S)";
    private static final String LLAMA3 = CONTRACTIONS + WORDS + "|\\p{N}{1,3}" + SIGNS
            + "[\\r\\n]*" + LINES;
    private static final String QWEN2 = CONTRACTIONS + WORDS + "|\\p{N}" + SIGNS + "[\\r\\n]*"
            + LINES;
    private static final String QWEN35 = CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+"
            + "|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" + LINES;
    private static final String GPT4O = UPPERS + "*" + LOWERS + "+" + CONTRACTIONS + "?|" + UPPERS
            + "+" + LOWERS + "*" + CONTRACTIONS + "?|\\p{N}{1,3}" + SIGNS + "[\\r\\n/]*" + LINES;
    private static final String TEKKEN = UPPERS + "*" + LOWERS + "+|" + UPPERS + "+" + LOWERS
            + "*|\\p{N}" + SIGNS + "[\\r\\n/]*" + LINES;
    private static final String SEED = CONTRACTIONS + WORDS + "|\\p{N}{1}"
            + "| ?[^\\s\\p{L}\\p{N}\\r\\n]+" + LINES;
    private static final String MINICPM5 = CONTRACTIONS + WORDS + "|\\p{N}+" + SIGNS + "[\\r\\n]*"
            + LINES;
    private static final String DEEPSEEK3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
            + "|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*" + LINES;
    private static final String STOPS = "(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)";
    private static final Map<String, SplitPreset> KNOWN = known();

    /** The preset of this name; empty if there is none. */
    public static Optional<SplitPreset> named(String name) {
        return Optional.ofNullable(KNOWN.get(name));
    }

    private static Map<String, SplitPreset> known() {
        Map<String, SplitPreset> known = new HashMap<>();
        put(known, of("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"), "default");
        put(known, of(LLAMA3).taking(true, true), "llama3", "llama-v3", "llama-bpe", "falcon3",
                "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano");
        put(known, of(LLAMA3), "dbrx", "smaug-bpe", "chatglm-bpe", "glm4");
        put(known, of("\\p{N}{1,3}", MINICPM5).taking(true, false), "minicpm5");
        put(known, of(TEKKEN).taking(true, true), "tekken");
        put(known, of(GPT4O), "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2");
        put(known, of(QWEN2), "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2",
                "hunyuan", "solar-open", "megrez", "grok-2", "bailingmoe", "bailingmoe2",
                "llada-moe");
        put(known, of(QWEN35), "qwen35");
        put(known, of(SEED), "seed-coder");
        put(known, of(GPT2), "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es",
                "jina-v2-de", "a.x-4.0", "mellum", "modern-bert", "jina-v1-en", "jina-v2-code",
                "roberta-bpe", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4");
        put(known, of("\\p{N}+", "(?=(\\d{3})+(?!\\d))"), "superbpe");
        put(known, of("\\p{N}", GPT2), "starcoder", "refact", "command-r", "smollm", "codeshell",
                "exaone", "minerva-7b", "mellum2");
        put(known, of("[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"), "falcon");
        put(known, of("\\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", DEEPSEEK3),
                "deepseek-v3", "hunyuan-dense", "joyai-llm");
        String chinese = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
        put(known, of("[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", chinese, "\\p{N}"),
                "deepseek-coder");
        put(known, of("[\\r\\n]", "\\s?[" + SplitPatterns.CASED_LETTERS + "]+",
                "\\s?[" + SplitPatterns.WIDE_SIGNS + "]+", "\\s+$", chinese, "\\p{N}+"),
                "deepseek-llm");
        put(known, of(" ?[^" + STOPS + "]+"), "poro-chat", "bloom", "gpt3-finnish");
        put(known, of(" ?[^" + STOPS + "]+", "\\p{N}"), "viking");
        SplitPreset lines = of("[^\\n]+|[\\n]+");
        put(known, new SplitPreset(lines.rules, false, false, false), "gemma4",
                "granite-embed-multi-311m", "sarvam-moe");
        return known;
    }

    private static void put(Map<String, SplitPreset> known, SplitPreset preset, String... names) {
        for (String name : names) {
            known.put(name, preset);
        }
    }

    private static SplitPreset of(String... patterns) {
        return new SplitPreset(Arrays.stream(patterns)
                .map(pattern -> SplitPatterns.find(pattern).orElseThrow(
                        () -> new IllegalStateException("no rule for " + pattern)))
                .toList(), false, false, true);
    }

    private SplitPreset taking(boolean whole, boolean start) {
        return new SplitPreset(rules, whole, start, fromBytes);
    }
}

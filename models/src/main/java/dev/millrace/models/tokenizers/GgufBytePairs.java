package dev.millrace.models.tokenizers;

import dev.millrace.models.gguf.GgufArray;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.gguf.GgufValueType;
import dev.millrace.models.text.ByteAlphabet;
import dev.millrace.models.text.BytePairModel;
import dev.millrace.models.text.ComposedTokenizer;
import dev.millrace.models.text.MergeList;
import dev.millrace.models.text.SpecialTokens;
import dev.millrace.models.text.TextNormalizer;
import dev.millrace.models.text.TextNormalizers;
import dev.millrace.models.text.TokenSpelling;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.text.Utf8;
import dev.millrace.models.text.Vocabulary;
import dev.millrace.models.text.Vocabulary.Kind;
import dev.millrace.models.text.split.SplitPreset;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/** Byte-pair vocabularies of GGUF files ("gpt2"), and Gemma 4's of characters ("gemma4"). */
final class GgufBytePairs {

    private static final String PRE_KEY = GgufVocabulary.PREFIX + "pre";
    private static final String MERGES_KEY = GgufVocabulary.PREFIX + "merges";
    private static final String DEFAULT_PRESET = "default";
    private static final String KNOWN_PRESETS = "a way to cut text that this version knows; a"
            + " wrong one would give wrong tokens";
    private static final String CHARACTERS = "gemma4";
    private static final int NONE = -1;

    private final GgufVocabulary source;
    private final GgufMetadata metadata;
    private final SplitPreset preset;
    private final String presetName;

    private GgufBytePairs(GgufVocabulary source, boolean ofCharacters) {
        this.source = source;
        this.metadata = source.metadata();
        this.presetName = ofCharacters
                ? CHARACTERS
                : metadata.string(PRE_KEY).orElse(DEFAULT_PRESET);
        this.preset = SplitPreset.named(presetName).orElseThrow(
                () -> metadata.wrong(PRE_KEY, presetName, KNOWN_PRESETS));
    }

    /**
     * Reads the tokenizer.
     *
     * @throws dev.millrace.models.gguf.GgufException if the file lacks merges or names an unknown
     *                                                way to cut text
     */
    static Tokenizer read(GgufVocabulary source, boolean ofCharacters) {
        return new GgufBytePairs(source, ofCharacters).read();
    }

    private Tokenizer read() {
        int startToken = source.token("bos_token_id", NONE);
        int endToken = source.token("eos_token_id", NONE);
        int unknownToken = source.token("unknown_token_id", NONE);
        Set<Integer> endTokens = source.endTokens(endToken);
        Kind[] kinds = source.kinds(startToken, unknownToken, endTokens);
        Vocabulary vocabulary = vocabulary(kinds);
        BytePairModel model = new BytePairModel(vocabulary, merges(vocabulary),
                new BytePairModel.Options(preset.fromBytes(), !preset.fromBytes(),
                        preset.wholeFirst(), NONE, false));
        TextNormalizer normalizer = preset.fromBytes()
                ? source.flag("add_space_prefix", false)
                        ? TextNormalizers.spacePrefix()
                        : TextNormalizer.NONE
                : TextNormalizers.replace(" ", "\u2581");
        return new ComposedTokenizer(
                new ComposedTokenizer.Stages(vocabulary, source.addedTokens(kinds), normalizer,
                        preset.rules(), model, preset.fromBytes()
                                ? TokenSpelling.BYTE_LEVEL
                                : TokenSpelling.SENTENCE_PIECE),
                new SpecialTokens(startToken, endToken, endTokens,
                        source.flag("add_bos_token", preset.addsStart()),
                        source.flag("add_eos_token", false), false));
    }

    /** Special and added pieces are spelled as they are, all others in GPT-2's alphabet. */
    private Vocabulary vocabulary(Kind[] kinds) {
        byte[][] pieces = source.pieces().clone();
        for (int token = 0; token < pieces.length; token++) {
            if (preset.fromBytes() && kinds[token] == Kind.BYTE) {
                kinds[token] = Kind.NORMAL;
            }
            if (preset.fromBytes()
                    && (kinds[token] == Kind.NORMAL || kinds[token] == Kind.UNUSED)) {
                String spelled = new String(pieces[token], StandardCharsets.UTF_8);
                pieces[token] = ByteAlphabet.bytes(spelled);
                kinds[token] = ByteAlphabet.isSpelling(spelled) ? kinds[token] : Kind.UNUSED;
            }
        }
        return new Vocabulary(pieces, new float[pieces.length], kinds);
    }

    private byte[] bytes(byte[] spelled) {
        return preset.fromBytes()
                ? ByteAlphabet.bytes(new String(spelled, StandardCharsets.UTF_8))
                : spelled;
    }

    private MergeList merges(Vocabulary vocabulary) {
        GgufArray array = metadata.array(MERGES_KEY)
                .orElseThrow(() -> metadata.missing(MERGES_KEY));
        if (array.elementType() != GgufValueType.STRING) {
            throw metadata.wrong(MERGES_KEY, array, "an array of strings");
        }
        MergeList merges = new MergeList(vocabulary, array.size());
        for (int i = 0; i < array.size(); i++) {
            String merge = new String(array.bytes(i), StandardCharsets.UTF_8);
            int space = merge.indexOf(' ', 1);
            if (space < 0) {
                throw metadata.wrong(MERGES_KEY, merge, "pairs of pieces with a space between");
            }
            try {
                merges.add(bytes(Utf8.encode(merge.substring(0, space))),
                        bytes(Utf8.encode(merge.substring(space + 1))));
            } catch (IllegalArgumentException e) {
                throw metadata.wrong(MERGES_KEY, merge, "pairs of pieces of the vocabulary; "
                        + e.getMessage());
            }
        }
        return merges;
    }
}

package dev.millrace.models.tokenizers;

import dev.millrace.models.gguf.GgufArray;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.text.ComposedTokenizer;
import dev.millrace.models.text.PrecompiledMap;
import dev.millrace.models.text.SpecialTokens;
import dev.millrace.models.text.TextNormalizer;
import dev.millrace.models.text.TextNormalizers;
import dev.millrace.models.text.TokenSpelling;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.text.UnigramModel;
import dev.millrace.models.text.Vocabulary;
import dev.millrace.models.text.Vocabulary.Kind;
import java.util.List;
import java.util.Set;

/** SentencePiece's unigram vocabularies of GGUF files ("t5"). */
final class GgufUnigram {

    static final String MAP_KEY = GgufVocabulary.PREFIX + "precompiled_charsmap";
    private static final int DEFAULT_END_TOKEN = 1;
    private static final int DEFAULT_UNKNOWN_TOKEN = 2;
    private static final int NONE = -1;

    private GgufUnigram() {}

    /** @throws dev.millrace.models.gguf.GgufException if the file's lists do not fit */
    static Tokenizer read(GgufVocabulary source) {
        int startToken = source.token("bos_token_id", NONE);
        int endToken = source.token("eos_token_id", DEFAULT_END_TOKEN);
        int unknownToken = source.requiredToken("unknown_token_id", DEFAULT_UNKNOWN_TOKEN);
        Set<Integer> endTokens = source.endTokens(endToken);
        Kind[] kinds = source.kinds(startToken, unknownToken, endTokens);
        float[] scores = source.scores();
        double[] exact = new double[scores.length];
        for (int token = 0; token < scores.length; token++) {
            exact[token] = scores[token];
        }
        boolean prefix = source.flag("add_space_prefix", true);
        Vocabulary vocabulary = new Vocabulary(source.pieces(), scores, kinds);
        TextNormalizer normalizer = TextNormalizer.sequence(List.of(map(source.metadata()),
                TextNormalizers.wordSpaces(prefix,
                        source.flag("remove_extra_whitespaces", false))));
        return new ComposedTokenizer(new ComposedTokenizer.Stages(vocabulary,
                source.addedTokens(kinds), normalizer, List.of(),
                new UnigramModel(vocabulary, exact, unknownToken, true),
                TokenSpelling.SENTENCE_PIECE),
                new SpecialTokens(startToken, endToken, endTokens,
                        source.flag("add_bos_token", false), source.flag("add_eos_token", true),
                        prefix));
    }

    private static TextNormalizer map(GgufMetadata metadata) {
        if (!metadata.has(MAP_KEY)) {
            return TextNormalizer.NONE;
        }
        GgufArray array = metadata.array(MAP_KEY).orElseThrow();
        byte[] map = new byte[array.size()];
        for (int i = 0; i < map.length; i++) {
            if (!(array.get(i) instanceof Long value)) {
                throw metadata.wrong(MAP_KEY, array, "an array of bytes");
            }
            map[i] = value.byteValue();
        }
        try {
            return new PrecompiledMap(map, false);
        } catch (IllegalArgumentException e) {
            throw metadata.wrong(MAP_KEY, array, "a sound map; it is " + e.getMessage());
        }
    }
}

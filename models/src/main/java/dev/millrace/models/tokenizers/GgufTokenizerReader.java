package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.text.SentencePieceTokenizer;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.text.Vocabulary;
import dev.millrace.models.text.Vocabulary.Kind;
import java.nio.file.Path;
import java.util.Set;

/** Builds a tokenizer from the {@code tokenizer.ggml.*} metadata. */
public final class GgufTokenizerReader {

    private static final String MODEL_KEY = GgufVocabulary.PREFIX + "model";
    /** What SentencePiece numbers these tokens unless told otherwise. */
    private static final int DEFAULT_UNKNOWN_TOKEN = 0;
    private static final int DEFAULT_START_TOKEN = 1;
    private static final int DEFAULT_END_TOKEN = 2;

    private GgufTokenizerReader() {}

    /**
     * Reads the tokenizer.
     *
     * @param vocabularySize rows of the model's embedding, which the tokens must match
     * @throws GgufException if the file has no vocabulary or one that this version cannot use
     */
    public static Tokenizer read(GgufMetadata metadata, int vocabularySize) {
        String model = metadata.requiredString(MODEL_KEY);
        return switch (model) {
            case "llama" -> sentencePiece(new GgufVocabulary(metadata, vocabularySize));
            case "gpt2", "gemma4" -> GgufBytePairs.read(
                    new GgufVocabulary(metadata, vocabularySize), model.equals("gemma4"));
            case "bert" -> GgufWordPieces.read(new GgufVocabulary(metadata, vocabularySize));
            case "t5" -> GgufUnigram.read(new GgufVocabulary(metadata, vocabularySize));
            default -> throw metadata.wrong(MODEL_KEY, model, "one of llama, gpt2, gemma4, bert"
                    + " and t5, the kinds of vocabulary this version reads");
        };
    }

    /**
     * Opens the tokenizer of a file that need not hold anything else.
     *
     * @throws ModelException if the file is damaged or has no tokenizer that this version can use
     */
    static Tokenizer open(Path path) {
        try (GgufFile file = GgufFile.open(path)) {
            GgufMetadata metadata = file.metadata();
            if (EmbeddedTokenizer.isIn(metadata)) {
                return EmbeddedTokenizer.read(metadata, Integer.MAX_VALUE, file.source());
            }
            int size = metadata.array(GgufVocabulary.TOKENS_KEY)
                    .orElseThrow(() -> metadata.missing(GgufVocabulary.TOKENS_KEY)).size();
            return read(metadata, size);
        } catch (GgufException e) {
            throw new ModelException(e.getMessage(), e);
        }
    }

    private static Tokenizer sentencePiece(GgufVocabulary vocabulary) {
        int startToken = vocabulary.token("bos_token_id", DEFAULT_START_TOKEN);
        int endToken = vocabulary.token("eos_token_id", DEFAULT_END_TOKEN);
        int unknownToken = vocabulary.token("unknown_token_id", DEFAULT_UNKNOWN_TOKEN);
        Set<Integer> endTokens = vocabulary.endTokens(endToken);
        Kind[] kinds = vocabulary.kinds(startToken, unknownToken, endTokens);
        return new SentencePieceTokenizer(
                new Vocabulary(vocabulary.pieces(), vocabulary.scores(), kinds),
                new SentencePieceTokenizer.Options(startToken, endToken, unknownToken, endTokens,
                        vocabulary.flag("add_bos_token", true),
                        vocabulary.flag("add_space_prefix", true)));
    }
}

package dev.millrace.models.tokenizers;

import dev.millrace.models.text.BertNormalizer;
import dev.millrace.models.text.ComposedTokenizer;
import dev.millrace.models.text.SpecialTokens;
import dev.millrace.models.text.TokenSpelling;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.text.Vocabulary;
import dev.millrace.models.text.Vocabulary.Kind;
import dev.millrace.models.text.WordPieceModel;
import dev.millrace.models.text.split.SplitRules;
import java.util.List;
import java.util.Set;

/** WordPiece vocabularies of GGUF files ("bert"): converters wrote U+2581 before first pieces. */
final class GgufWordPieces {

    private static final int DEFAULT_START_TOKEN = 101;
    private static final int DEFAULT_END_TOKEN = 102;
    private static final int DEFAULT_UNKNOWN_TOKEN = 100;
    private static final int MAX_WORD_CHARACTERS = 100;

    private GgufWordPieces() {}

    static Tokenizer read(GgufVocabulary source) {
        int startToken = source.token("cls_token_id",
                source.token("bos_token_id", DEFAULT_START_TOKEN));
        int endToken = source.token("seperator_token_id", DEFAULT_END_TOKEN);
        int unknownToken = source.requiredToken("unknown_token_id", DEFAULT_UNKNOWN_TOKEN);
        Set<Integer> endTokens = source.endTokens(endToken);
        Kind[] kinds = source.kinds(startToken, unknownToken, endTokens);
        boolean lowercases = source.flag("normalizer.lowercase", true);
        BertNormalizer normalizer = new BertNormalizer(true, true,
                source.flag("normalizer.strip_accents", lowercases), lowercases);
        Vocabulary vocabulary = new Vocabulary(source.pieces(), new float[kinds.length], kinds);
        return new ComposedTokenizer(new ComposedTokenizer.Stages(vocabulary,
                source.addedTokens(kinds), normalizer,
                List.of(SplitRules.whitespace(), SplitRules.punctuation()),
                new WordPieceModel(vocabulary, new WordPieceModel.Options("\u2581", "",
                        unknownToken, MAX_WORD_CHARACTERS)),
                TokenSpelling.SENTENCE_PIECE),
                new SpecialTokens(startToken, endToken, endTokens,
                        source.flag("add_bos_token", true), source.flag("add_eos_token", true),
                        true));
    }
}

package dev.millrace.models.text;

import java.util.Arrays;

/** SentencePiece's byte pairs, which merge by the scores of what they become. */
public final class ScoredPairModel implements WordModel {

    private final Vocabulary vocabulary;
    private final int unknownToken;

    /** @param unknownToken what stands for characters that neither pieces nor bytes spell, or -1 */
    public ScoredPairModel(Vocabulary vocabulary, int unknownToken) {
        this.vocabulary = vocabulary;
        this.unknownToken = unknownToken;
    }

    @Override
    public Encoder encoder(TokenBuffer out) {
        return (text, from, to) -> PieceMerger.split(vocabulary, unknownToken,
                Arrays.copyOfRange(text, from, to), out);
    }
}

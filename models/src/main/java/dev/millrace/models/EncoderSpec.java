package dev.millrace.models;

import java.util.Optional;

/**
 * What an encoder of the BERT family computes (Devlin et al., "BERT", 2018): every position attends
 * to all others, norms come after each branch, and positions have embeddings of their own.
 *
 * @param architecture    the file's own name for the family
 * @param name            the model's name, for people
 * @param vocabularySize  rows of the token embedding
 * @param contextTokens   positions that have an embedding for text: the longest text
 * @param firstPosition   row of the position embedding that a text's first token has
 * @param tokenTypes      rows of the token type embedding; a text is of type 0, the second of two
 *                        of type 1 where there is one
 * @param embeddingSize   width of the states, and of a text's vector
 * @param feedForwardSize width of the feed-forward layer, which has GELU by the error function
 * @param layers          transformer blocks
 * @param heads           attention heads; divides {@code embeddingSize}
 * @param normEpsilon     added to the variance before the root
 * @param pooling         how a text's states become one vector
 * @param unitLength      whether that vector is scaled to length one
 */
public record EncoderSpec(String architecture, String name, int vocabularySize, int contextTokens,
        int firstPosition, int tokenTypes, int embeddingSize, int feedForwardSize, int layers,
        int heads, float normEpsilon, Pooling pooling, boolean unitLength) {

    /** How a text's states become one vector. */
    public enum Pooling {
        /** The mean of all positions. */
        MEAN,
        /** The first position's, which is the classification token's. */
        FIRST,
        /** The last position's. */
        LAST,
        /**
         * One number, which tells how well two texts belong together: the first position's state
         * through a dense layer with tanh and one row, not scaled. Such an encoder is a
         * cross-encoder.
         */
        SCORE
    }

    /** Whether it scores pairs of texts. */
    public boolean scores() {
        return pooling == Pooling.SCORE;
    }

    /** Elements of what becomes of a text, or of two. */
    public int outputSize() {
        return scores() ? 1 : embeddingSize;
    }

    /** What is not known of how well this version runs it; empty if a trained one was compared. */
    public Optional<String> unproven() {
        return scores()
                ? Optional.of("cross-encoders give what transformers gives for random weights; no"
                        + " trained one has been compared yet")
                : Optional.empty();
    }

    /** Elements of one head. */
    public int headSize() {
        return embeddingSize / heads;
    }
}

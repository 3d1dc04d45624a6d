package dev.millrace.models;

/**
 * What an encoder of the BERT family computes (Devlin et al., "BERT", 2018): every position attends
 * to all others, norms come after each branch, and positions have embeddings of their own.
 *
 * @param architecture    the file's own name for the family
 * @param name            the model's name, for people
 * @param vocabularySize  rows of the token embedding
 * @param contextTokens   positions that have an embedding: the longest text
 * @param tokenTypes      rows of the token type embedding; texts here are all of type 0
 * @param embeddingSize   width of the states, and of a text's vector
 * @param feedForwardSize width of the feed-forward layer, which has GELU by the error function
 * @param layers          transformer blocks
 * @param heads           attention heads; divides {@code embeddingSize}
 * @param normEpsilon     added to the variance before the root
 * @param pooling         how a text's states become one vector
 * @param unitLength      whether that vector is scaled to length one
 */
public record EncoderSpec(String architecture, String name, int vocabularySize, int contextTokens,
        int tokenTypes, int embeddingSize, int feedForwardSize, int layers, int heads,
        float normEpsilon, Pooling pooling, boolean unitLength) {

    /** How a text's states become one vector. */
    public enum Pooling {
        /** The mean of all positions. */
        MEAN,
        /** The first position's, which is the classification token's. */
        FIRST,
        /** The last position's. */
        LAST
    }

    /** Elements of one head. */
    public int headSize() {
        return embeddingSize / heads;
    }
}

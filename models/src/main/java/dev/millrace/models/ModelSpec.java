package dev.millrace.models;

/**
 * What a decoder-only transformer computes, as data: sizes and switches that a backend's walker
 * reads. Sizes are in elements, never bytes.
 *
 * @param architecture      the file's own name for the family, such as {@code llama}
 * @param name              the model's name, for people
 * @param vocabularySize    rows of the embedding
 * @param contextTokens     longest sequence the model was made for
 * @param layers            transformer blocks
 * @param embeddingSize     width of the residual stream
 * @param feedForwardSize   width of the gated feed-forward layer
 * @param heads             query heads
 * @param kvHeads           key/value heads; divides {@code heads}
 * @param headSize          elements of one head
 * @param normEpsilon       added to the mean square before the root
 * @param rope              rotary position embedding
 * @param activation        of the gate in the feed-forward layer
 * @param attentionBias     whether query, key and value projections add a bias
 * @param tiedEmbeddings    whether the output matrix is the token embedding
 * @param slidingWindowTokens how far a position looks back, itself included; 0 for all the way
 */
public record ModelSpec(String architecture, String name, int vocabularySize, int contextTokens,
        int layers, int embeddingSize, int feedForwardSize, int heads, int kvHeads, int headSize,
        float normEpsilon, RopeSpec rope, Activation activation, boolean attentionBias,
        boolean tiedEmbeddings, int slidingWindowTokens) {

    /** The gate's nonlinearity. */
    public enum Activation {
        SILU
    }

    /** Query heads that share one KV head. */
    public int groupHeads() {
        return heads / kvHeads;
    }

    /** Width of all query heads together. */
    public int querySize() {
        return heads * headSize;
    }

    /** Width of all key (or value) heads together. */
    public int kvSize() {
        return kvHeads * headSize;
    }
}

package dev.millrace.models;

import dev.millrace.kernels.TensorShape;

/** What a weight is for, whatever its name in the file. */
public enum WeightRole {
    /** (vocabulary, embedding); also the output matrix where embeddings are tied. */
    TOKEN_EMBEDDING(false),
    /** (embedding) */
    OUTPUT_NORM(false),
    /** (vocabulary, embedding) */
    OUTPUT(false),
    /** (rotary pairs): divisors of the rotary frequencies, as Llama 3.1 files carry them. */
    ROPE_FACTORS(false),
    /** (embedding) */
    ATTENTION_NORM(true),
    /** (heads x head size, embedding) */
    QUERY(true),
    /** (KV heads x head size, embedding) */
    KEY(true),
    /** (KV heads x head size, embedding) */
    VALUE(true),
    /** (heads x head size) */
    QUERY_BIAS(true),
    /** (KV heads x head size) */
    KEY_BIAS(true),
    /** (KV heads x head size) */
    VALUE_BIAS(true),
    /** (embedding, heads x head size) */
    ATTENTION_OUTPUT(true),
    /** (embedding) */
    FEED_FORWARD_NORM(true),
    /** (feed forward, embedding) */
    GATE(true),
    /** (feed forward, embedding) */
    UP(true),
    /** (embedding, feed forward) */
    DOWN(true);

    private final boolean perLayer;

    WeightRole(boolean perLayer) {
        this.perLayer = perLayer;
    }

    /** Whether every layer has one. */
    public boolean perLayer() {
        return perLayer;
    }

    /** Whether a model of these switches cannot do without. */
    boolean neededBy(ModelSpec spec) {
        return switch (this) {
            case OUTPUT -> !spec.tiedEmbeddings();
            case QUERY_BIAS, KEY_BIAS, VALUE_BIAS -> spec.attentionBias();
            case ROPE_FACTORS -> false;
            default -> true;
        };
    }

    /** The shape that the weight has in a model of these sizes. */
    TensorShape shape(ModelSpec spec) {
        long embedding = spec.embeddingSize();
        return switch (this) {
            case TOKEN_EMBEDDING, OUTPUT -> TensorShape.matrix(spec.vocabularySize(), embedding);
            case OUTPUT_NORM, ATTENTION_NORM, FEED_FORWARD_NORM -> TensorShape.vector(embedding);
            case ROPE_FACTORS -> TensorShape.vector(spec.rope().dimensions() / 2);
            case QUERY -> TensorShape.matrix(spec.querySize(), embedding);
            case KEY, VALUE -> TensorShape.matrix(spec.kvSize(), embedding);
            case QUERY_BIAS -> TensorShape.vector(spec.querySize());
            case KEY_BIAS, VALUE_BIAS -> TensorShape.vector(spec.kvSize());
            case ATTENTION_OUTPUT -> TensorShape.matrix(embedding, spec.querySize());
            case GATE, UP -> TensorShape.matrix(spec.feedForwardSize(), embedding);
            case DOWN -> TensorShape.matrix(embedding, spec.feedForwardSize());
        };
    }
}

package dev.millrace.models;

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
}

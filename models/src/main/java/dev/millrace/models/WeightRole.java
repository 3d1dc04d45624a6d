package dev.millrace.models;

import dev.millrace.kernels.TensorShape;
import dev.millrace.models.AttentionSpec.HeadNorm;

/** What a weight is for, whatever its name in the file. */
public enum WeightRole {
    /** (vocabulary, embedding); also the output matrix where embeddings are tied. */
    TOKEN_EMBEDDING(Place.MODEL),
    /** (embedding) */
    OUTPUT_NORM(Place.MODEL),
    /** (vocabulary, embedding) */
    OUTPUT(Place.MODEL),
    /** (embedding) */
    ATTENTION_NORM(Place.LAYER),
    /** (heads x head size, embedding) */
    QUERY(Place.LAYER),
    /** (KV heads x head size, embedding) */
    KEY(Place.LAYER),
    /** (KV heads x head size, embedding) */
    VALUE(Place.LAYER),
    /** (heads x head size) */
    QUERY_BIAS(Place.LAYER),
    /** (KV heads x head size) */
    KEY_BIAS(Place.LAYER),
    /** (KV heads x head size) */
    VALUE_BIAS(Place.LAYER),
    /** (head size), or (heads x head size) if all heads are normed together */
    QUERY_NORM(Place.LAYER),
    /** (head size), or (KV heads x head size) if all heads are normed together */
    KEY_NORM(Place.LAYER),
    /** (heads): a logit of each head that has no value */
    ATTENTION_SINKS(Place.LAYER),
    /** (embedding, heads x head size) */
    ATTENTION_OUTPUT(Place.LAYER),
    /** (embedding) */
    ATTENTION_OUTPUT_BIAS(Place.LAYER),
    /** (embedding): of what attention adds to the residual stream */
    ATTENTION_POST_NORM(Place.LAYER),
    /** (embedding) */
    FEED_FORWARD_NORM(Place.LAYER),
    /** (feed forward, embedding) */
    GATE(Place.LAYER),
    /** (feed forward, embedding) */
    UP(Place.LAYER),
    /** (embedding, feed forward) */
    DOWN(Place.LAYER),
    /** (feed forward) */
    GATE_BIAS(Place.LAYER),
    /** (feed forward) */
    UP_BIAS(Place.LAYER),
    /** (embedding) */
    DOWN_BIAS(Place.LAYER),
    /** (experts, embedding) */
    ROUTER(Place.LAYER),
    /** (experts) */
    ROUTER_BIAS(Place.LAYER),
    /** (feed forward, embedding) of each expert */
    EXPERT_GATE(Place.EXPERT),
    /** (feed forward, embedding) of each expert */
    EXPERT_UP(Place.EXPERT),
    /** (embedding, feed forward) of each expert */
    EXPERT_DOWN(Place.EXPERT),
    /** (feed forward) of each expert */
    EXPERT_GATE_BIAS(Place.EXPERT),
    /** (feed forward) of each expert */
    EXPERT_UP_BIAS(Place.EXPERT),
    /** (embedding) of each expert */
    EXPERT_DOWN_BIAS(Place.EXPERT),
    /** (embedding): the logit of the network that every token goes through */
    SHARED_ROUTER(Place.LAYER),
    /** (shared feed forward, embedding) */
    SHARED_GATE(Place.LAYER),
    /** (shared feed forward, embedding) */
    SHARED_UP(Place.LAYER),
    /** (embedding, shared feed forward) */
    SHARED_DOWN(Place.LAYER),
    /** (embedding): of what the feed-forward network adds to the residual stream */
    FEED_FORWARD_POST_NORM(Place.LAYER);

    private enum Place {
        MODEL,
        LAYER,
        EXPERT
    }

    private final Place place;

    WeightRole(Place place) {
        this.place = place;
    }

    /** Whether every layer has one, or one per expert. */
    public boolean perLayer() {
        return place != Place.MODEL;
    }

    /** Whether every expert of a layer has one. */
    public boolean perExpert() {
        return place == Place.EXPERT;
    }

    /** Whether it multiplies what it is applied to: the weight of a norm. */
    public boolean isNorm() {
        return switch (this) {
            case OUTPUT_NORM, ATTENTION_NORM, ATTENTION_POST_NORM, FEED_FORWARD_NORM,
                    FEED_FORWARD_POST_NORM, QUERY_NORM, KEY_NORM ->
                true;
            default -> false;
        };
    }

    /**
     * Whether activations are multiplied by it as a matrix, or looked up in it. The others, norms,
     * biases and sinks, are used element by element.
     */
    public boolean isMatrix() {
        return switch (this) {
            case QUERY_BIAS, KEY_BIAS, VALUE_BIAS, ATTENTION_OUTPUT_BIAS, ATTENTION_SINKS,
                    GATE_BIAS, UP_BIAS, DOWN_BIAS, ROUTER_BIAS, EXPERT_GATE_BIAS, EXPERT_UP_BIAS,
                    EXPERT_DOWN_BIAS ->
                false;
            default -> !isNorm();
        };
    }

    /**
     * Whether a model of these switches cannot do without.
     *
     * @param layer ignored where the role is not per layer
     */
    public boolean neededBy(ModelSpec spec, int layer) {
        AttentionSpec attention = spec.attention();
        return switch (this) {
            case TOKEN_EMBEDDING, OUTPUT_NORM, QUERY, KEY, VALUE, ATTENTION_OUTPUT -> true;
            case OUTPUT -> !spec.tiedEmbeddings();
            case ATTENTION_NORM, FEED_FORWARD_NORM -> spec.norm().before();
            case ATTENTION_POST_NORM, FEED_FORWARD_POST_NORM -> spec.norm().after();
            case QUERY_BIAS, KEY_BIAS, VALUE_BIAS -> attention.bias();
            case ATTENTION_OUTPUT_BIAS -> attention.outputBias();
            case QUERY_NORM, KEY_NORM -> attention.headNorm() != HeadNorm.NONE;
            case ATTENTION_SINKS -> attention.sinks();
            default -> neededBy(spec.layer(layer).feedForward());
        };
    }

    private boolean neededBy(FeedForwardSpec network) {
        ExpertSpec experts = network.experts();
        return switch (this) {
            case GATE, UP, DOWN -> experts == null;
            case GATE_BIAS, UP_BIAS, DOWN_BIAS -> experts == null && network.bias();
            case ROUTER, EXPERT_GATE, EXPERT_UP, EXPERT_DOWN -> experts != null;
            case ROUTER_BIAS -> experts != null && experts.routerBias();
            case EXPERT_GATE_BIAS, EXPERT_UP_BIAS, EXPERT_DOWN_BIAS -> experts != null
                    && network.bias();
            case SHARED_ROUTER, SHARED_GATE, SHARED_UP, SHARED_DOWN -> experts != null
                    && experts.sharedSize() > 0;
            default -> throw new IllegalStateException(this + " belongs to no feed-forward layer");
        };
    }

    /**
     * The shape that the weight has in a model of these sizes; of one expert.
     *
     * @param layer ignored where the role is not per layer
     */
    public TensorShape shape(ModelSpec spec, int layer) {
        long embedding = spec.embeddingSize();
        return switch (this) {
            case TOKEN_EMBEDDING, OUTPUT -> TensorShape.matrix(spec.vocabularySize(), embedding);
            case OUTPUT_NORM, ATTENTION_NORM, ATTENTION_POST_NORM, ATTENTION_OUTPUT_BIAS,
                    FEED_FORWARD_NORM, FEED_FORWARD_POST_NORM, DOWN_BIAS, EXPERT_DOWN_BIAS,
                    SHARED_ROUTER ->
                TensorShape.vector(embedding);
            case QUERY -> TensorShape.matrix(spec.querySize(), embedding);
            case KEY, VALUE -> TensorShape.matrix(spec.kvSize(), embedding);
            case QUERY_BIAS -> TensorShape.vector(spec.querySize());
            case KEY_BIAS, VALUE_BIAS -> TensorShape.vector(spec.kvSize());
            case QUERY_NORM -> TensorShape.vector(spec.attention().queryNormSize());
            case KEY_NORM -> TensorShape.vector(spec.attention().keyNormSize());
            case ATTENTION_SINKS -> TensorShape.vector(spec.heads());
            case ATTENTION_OUTPUT -> TensorShape.matrix(embedding, spec.querySize());
            default -> shape(spec.layer(layer).feedForward(), embedding);
        };
    }

    private TensorShape shape(FeedForwardSpec network, long embedding) {
        ExpertSpec experts = network.experts();
        return switch (this) {
            case GATE, UP, EXPERT_GATE, EXPERT_UP -> TensorShape.matrix(network.size(), embedding);
            case DOWN, EXPERT_DOWN -> TensorShape.matrix(embedding, network.size());
            case GATE_BIAS, UP_BIAS, EXPERT_GATE_BIAS, EXPERT_UP_BIAS -> TensorShape.vector(
                    network.size());
            case ROUTER -> TensorShape.matrix(experts.count(), embedding);
            case ROUTER_BIAS -> TensorShape.vector(experts.count());
            case SHARED_GATE, SHARED_UP -> TensorShape.matrix(experts.sharedSize(), embedding);
            case SHARED_DOWN -> TensorShape.matrix(embedding, experts.sharedSize());
            default -> throw new IllegalStateException(this + " belongs to no feed-forward layer");
        };
    }
}

package dev.millrace.models;

import dev.millrace.kernels.TensorShape;
import java.util.List;
import java.util.stream.Stream;

/** What a weight of an encoder is for, and what transformers and GGUF files call it. */
public enum EncoderRole {
    /** (vocabulary, embedding) */
    TOKEN_EMBEDDING("embeddings.word_embeddings", "token_embd", false),
    /** (first position + context, embedding) */
    POSITION_EMBEDDING("embeddings.position_embeddings", "position_embd", false),
    /** (token types, embedding) */
    TYPE_EMBEDDING("embeddings.token_type_embeddings", "token_types", false),
    /** (embedding), with a bias */
    EMBEDDING_NORM("embeddings.LayerNorm", "token_embd_norm", true),
    /** (embedding, embedding), with a bias */
    QUERY("encoder.layer.%d.attention.self.query", "blk.%d.attn_q", true),
    /** (embedding, embedding), with a bias */
    KEY("encoder.layer.%d.attention.self.key", "blk.%d.attn_k", true),
    /** (embedding, embedding), with a bias */
    VALUE("encoder.layer.%d.attention.self.value", "blk.%d.attn_v", true),
    /** (embedding, embedding), with a bias */
    ATTENTION_OUTPUT("encoder.layer.%d.attention.output.dense", "blk.%d.attn_output", true),
    /** (embedding), with a bias */
    ATTENTION_NORM("encoder.layer.%d.attention.output.LayerNorm", "blk.%d.attn_output_norm", true),
    /** (feed forward, embedding), with a bias */
    UP("encoder.layer.%d.intermediate.dense", "blk.%d.ffn_up", true),
    /** (embedding, feed forward), with a bias */
    DOWN("encoder.layer.%d.output.dense", "blk.%d.ffn_down", true),
    /** (embedding), with a bias */
    OUTPUT_NORM("encoder.layer.%d.output.LayerNorm", "blk.%d.layer_output_norm", true),
    /** (embedding, embedding), with a bias; of a cross-encoder, whose scores begin here */
    SCORE_DENSE("pooler.dense", "cls", true),
    /** (embedding), with a bias of one element; of a cross-encoder */
    SCORE_OUTPUT("classifier", "cls.output", true);

    private final String transformersName;
    private final String ggufName;
    private final boolean biased;

    EncoderRole(String transformersName, String ggufName, boolean biased) {
        this.transformersName = transformersName;
        this.ggufName = ggufName;
        this.biased = biased;
    }

    /** The roles that an encoder of this kind has. */
    public static List<EncoderRole> of(EncoderSpec spec) {
        return Stream.of(values()).filter(
                role -> spec.scores() || role != SCORE_DENSE && role != SCORE_OUTPUT).toList();
    }

    /** Whether every layer has one. */
    public boolean perLayer() {
        return ggufName.startsWith("blk");
    }

    /** Whether a bias goes with it. */
    public boolean biased() {
        return biased;
    }

    /** The name that transformers gives it, without {@code .weight} or {@code .bias}. */
    String transformersName(int layer) {
        return transformersName.replace("%d", Integer.toString(layer));
    }

    /** The same in GGUF files. */
    String ggufName(int layer) {
        return ggufName.replace("%d", Integer.toString(layer));
    }

    /** The shape that the weight has in an encoder of these sizes. */
    public TensorShape shape(EncoderSpec spec) {
        int embedding = spec.embeddingSize();
        return switch (this) {
            case TOKEN_EMBEDDING -> TensorShape.matrix(spec.vocabularySize(), embedding);
            case POSITION_EMBEDDING -> TensorShape.matrix(
                    spec.firstPosition() + spec.contextTokens(), embedding);
            case TYPE_EMBEDDING -> TensorShape.matrix(spec.tokenTypes(), embedding);
            case EMBEDDING_NORM, ATTENTION_NORM, OUTPUT_NORM, SCORE_OUTPUT -> TensorShape.vector(
                    embedding);
            case QUERY, KEY, VALUE, ATTENTION_OUTPUT, SCORE_DENSE -> TensorShape.matrix(embedding,
                    embedding);
            case UP -> TensorShape.matrix(spec.feedForwardSize(), embedding);
            case DOWN -> TensorShape.matrix(embedding, spec.feedForwardSize());
        };
    }

    /** The shape of the bias. */
    public TensorShape biasShape(EncoderSpec spec) {
        if (this == SCORE_OUTPUT) {
            return TensorShape.vector(1);
        }
        return TensorShape.vector(shape(spec).rows() == 1
                ? shape(spec).columns()
                : shape(spec).rows());
    }
}

package dev.millrace.models;

import dev.millrace.kernels.TensorShape;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.gguf.GgufTensor;
import java.util.List;

/** Reads a {@link ModelSpec} from a file's metadata; refuses whatever would change the result. */
final class GgufSpecReader {

    private static final String ARCHITECTURE_KEY = "general.architecture";
    private static final int MAX_NAME_CHARACTERS = 128;
    private static final float DEFAULT_ROPE_BASE = 10_000;

    /** Factors that some variants multiply in and that nothing here computes; 1 changes nothing. */
    private static final String[] UNKNOWN_FACTORS = {"attention.scale", "logit_scale",
        "residual_scale", "embedding_scale", "rope.scaling.attn_factor"};

    private final GgufFile file;
    private final GgufMetadata metadata;
    private final ModelFamily family;

    private GgufSpecReader(GgufFile file) {
        this.file = file;
        this.metadata = file.metadata();
        refuseShards();
        String architecture = metadata.requiredString(ARCHITECTURE_KEY);
        this.family = ModelFamily.of(architecture).orElseThrow(() -> metadata.wrong(
                ARCHITECTURE_KEY, architecture,
                "an architecture that this version runs: " + ModelFamily.supported()));
    }

    /**
     * Reads the spec.
     *
     * @throws ModelException if the file describes a model that this version does not compute
     * @throws GgufException  if its metadata is incomplete, wrong or of an unknown variant
     */
    static ModelSpec read(GgufFile file) {
        return new GgufSpecReader(file).spec();
    }

    private ModelSpec spec() {
        refuseUnknownVariants();
        int embeddingSize = metadata.requiredSize(key("embedding_length"));
        int heads = perLayerSize("attention.head_count");
        int kvHeads = metadata.has(key("attention.head_count_kv"))
                ? perLayerSize("attention.head_count_kv")
                : heads;
        if (heads % kvHeads != 0) {
            throw metadata.wrong(key("attention.head_count_kv"), kvHeads,
                    "a divisor of the " + heads + " query heads");
        }
        int headSize = headSize(embeddingSize, heads);
        return new ModelSpec(family.architecture(), name(), vocabularySize(),
                metadata.requiredSize(key("context_length")), layers(), embeddingSize,
                perLayerSize("feed_forward_length"), heads, kvHeads, headSize,
                metadata.positive(key("attention.layer_norm_rms_epsilon")).orElseThrow(
                        () -> metadata.missing(key("attention.layer_norm_rms_epsilon"))),
                rope(headSize), family.activation(), has(WeightRole.QUERY_BIAS, 0),
                !has(WeightRole.OUTPUT, Weights.NO_LAYER),
                slidingWindowTokens());
    }

    private void refuseShards() {
        long parts = metadata.integer("split.count").orElse(1L);
        if (parts > 1) {
            throw new ModelException(file.source() + " is one of " + parts
                    + " parts of a model; join them first (llama-gguf-split --merge)");
        }
    }

    private void refuseUnknownVariants() {
        long experts = metadata.integer(key("expert_count")).orElse(0L);
        if (experts != 0) {
            throw new ModelException(file.source() + " is a mixture of " + experts
                    + " experts (" + key("expert_count")
                    + "), which this version does not compute; choose a dense model");
        }
        if (!metadata.flag(key("attention.causal"), true)) {
            throw metadata.wrong(key("attention.causal"), false,
                    "true: encoders are not supported by this version");
        }
        for (String factor : UNKNOWN_FACTORS) {
            float value = metadata.positive(key(factor)).orElse(1f);
            if (value != 1) {
                throw metadata.wrong(key(factor), value,
                        "1: this version does not apply this factor");
            }
        }
    }

    /** Shown in terminals and answers: no control characters, no essays. */
    private String name() {
        String name = metadata.string("general.name").orElse(family.architecture());
        return name.substring(0, Math.min(MAX_NAME_CHARACTERS, name.length()))
                .replaceAll("\\p{Cntrl}", "?");
    }

    private int vocabularySize() {
        String name = GgufNames.of(WeightRole.TOKEN_EMBEDDING, Weights.NO_LAYER);
        GgufTensor embedding = file.find(name).orElseThrow(() -> new ModelException(
                file.source() + " lacks the tensor " + name
                        + "; it holds no model, or only a vocabulary"));
        TensorShape shape = embedding.shape();
        if (shape.rows() > Integer.MAX_VALUE) {
            throw new ModelException(file.source() + ": tensor " + embedding.name() + " has "
                    + shape.rows() + " rows; at most " + Integer.MAX_VALUE + " are allowed");
        }
        return (int) shape.rows();
    }

    /** Bounded by the number of tensors, so that a declared billion of layers costs nothing. */
    private int layers() {
        int layers = metadata.requiredSize(key("block_count"));
        if (layers > file.tensors().size()) {
            throw metadata.wrong(key("block_count"), layers,
                    "at most the file's number of tensors, " + file.tensors().size());
        }
        return layers;
    }

    private int headSize(int embeddingSize, int heads) {
        int headSize = metadata.size(key("attention.key_length")).orElseGet(() -> {
            if (embeddingSize % heads != 0) {
                throw metadata.wrong(key("attention.head_count"), heads,
                        "a divisor of the embedding's " + embeddingSize + " elements, or "
                                + key("attention.key_length") + " must be given");
            }
            return embeddingSize / heads;
        });
        int valueSize = metadata.size(key("attention.value_length")).orElse(headSize);
        if (valueSize != headSize) {
            throw metadata.wrong(key("attention.value_length"), valueSize,
                    "the size of the key heads, " + headSize);
        }
        if ((long) heads * headSize > Integer.MAX_VALUE) {
            throw metadata.wrong(key("attention.head_count"), heads,
                    "at most " + Integer.MAX_VALUE / headSize + " with heads of " + headSize);
        }
        return headSize;
    }

    private RopeSpec rope(int headSize) {
        int dimensions = metadata.size(key("rope.dimension_count")).orElse(headSize);
        if (dimensions % 2 != 0 || dimensions > headSize) {
            throw metadata.wrong(key("rope.dimension_count"), dimensions,
                    "even and at most the head size, " + headSize);
        }
        float base = metadata.positive(key("rope.freq_base")).orElse(DEFAULT_ROPE_BASE);
        return new RopeSpec(family.ropeLayout(), dimensions, base, ropeScale());
    }

    /**
     * Linear scaling only. Llama 3.1's scaling reaches a file as the tensor of
     * {@link WeightRole#ROPE_FACTORS}, with no metadata.
     */
    private float ropeScale() {
        String typeKey = key("rope.scaling.type");
        String factorKey = metadata.has(key("rope.scaling.factor"))
                ? key("rope.scaling.factor")
                : key("rope.scale_linear");
        String type = metadata.string(typeKey).orElse("linear");
        return switch (type) {
            case "none" -> 1;
            case "linear" -> 1 / metadata.positive(factorKey).orElse(1f);
            default -> throw metadata.wrong(typeKey, type,
                    "\"none\" or \"linear\": this version does not compute other rope scalings");
        };
    }

    private int slidingWindowTokens() {
        String windowKey = key("attention.sliding_window");
        boolean unlimited = metadata.integer(windowKey).orElse(0L) == 0;
        return unlimited ? 0 : metadata.requiredSize(windowKey);
    }

    /** A size that some architectures give per layer. */
    private int perLayerSize(String suffix) {
        if (metadata.asMap().get(key(suffix)) instanceof List<?> sizes) {
            throw metadata.wrong(key(suffix), sizes,
                    "one number: this version runs models whose layers are all alike");
        }
        return metadata.requiredSize(key(suffix));
    }

    private boolean has(WeightRole role, int layer) {
        return file.find(GgufNames.of(role, layer)).isPresent();
    }

    private String key(String suffix) {
        return family.architecture() + "." + suffix;
    }
}

package dev.millrace.models;

import dev.millrace.kernels.TensorShape;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.gguf.GgufTensor;
import java.util.Optional;

/** Reads a {@link ModelSpec} from a file's metadata; refuses whatever would change the result. */
final class GgufSpecReader {

    private static final String ARCHITECTURE_KEY = "general.architecture";
    private static final int MAX_NAME_CHARACTERS = 128;
    /** The models whose attention scale differs; their files do not say so. */
    private static final int GEMMA2_27B_LAYERS = 46;
    private static final int GEMMA3_27B_LAYERS = 62;

    /** Factors that granite's files have; in others 1 changes nothing. */
    private static final String[] GRANITE_FACTORS = {"attention.scale", "logit_scale",
        "residual_scale", "embedding_scale"};

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
     * The family that a file names.
     *
     * @throws ModelException if this version does not run it
     */
    static ModelFamily family(GgufFile file) {
        return new GgufSpecReader(file).family;
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
        int layers = layers();
        AttentionSpec attention = AttentionSpec.of(heads, kvHeads, headSize)
                .withScale(attentionScale(embeddingSize, heads, headSize, layers))
                .withSoftCap(softCap("attn_logit_softcapping"))
                .withBias(has(WeightRole.QUERY_BIAS, 0), has(WeightRole.ATTENTION_OUTPUT_BIAS, 0))
                .withHeadNorm(family.headNorm()).withSinks(family == ModelFamily.GPT_OSS);
        NormSpec norm = new NormSpec(metadata.positive(key("attention.layer_norm_rms_epsilon"))
                .orElseThrow(() -> metadata.missing(key("attention.layer_norm_rms_epsilon"))),
                family.normPlacement());
        return new ModelSpec(family.architecture(), name(), vocabularySize(),
                metadata.requiredSize(key("context_length")), embeddingSize, norm, attention,
                new GgufLayers(metadata, family, this::key, has(WeightRole.GATE_BIAS, 0))
                        .read(layers, new GgufRope(file, family, this::key, headSize)),
                multipliers(embeddingSize), !has(WeightRole.OUTPUT, Weights.NO_LAYER));
    }

    /** One over the root of the head size; of the query's share in the largest gemmas. */
    private float attentionScale(int embeddingSize, int heads, int headSize, int layers) {
        boolean largestGemma = family == ModelFamily.GEMMA2 && layers == GEMMA2_27B_LAYERS
                || family == ModelFamily.GEMMA3 && layers == GEMMA3_27B_LAYERS;
        float usual = (float) (1 / Math.sqrt(largestGemma ? embeddingSize / heads : headSize));
        return family == ModelFamily.GRANITE ? factor("attention.scale").orElse(usual) : usual;
    }

    private MultiplierSpec multipliers(int embeddingSize) {
        float softCap = softCap("final_logit_softcapping");
        if (family == ModelFamily.GRANITE) {
            return new MultiplierSpec(factor("embedding_scale").orElse(1f),
                    factor("residual_scale").orElse(1f), 1 / factor("logit_scale").orElse(1f),
                    softCap);
        }
        float embedding = family.scalesEmbeddings() ? (float) Math.sqrt(embeddingSize) : 1;
        return new MultiplierSpec(embedding, 1, 1, softCap);
    }

    /** A factor that granite's files have; 0 is their word for none. */
    private Optional<Float> factor(String suffix) {
        Object value = metadata.asMap().get(key(suffix));
        return value instanceof Double number && number == 0
                ? Optional.empty()
                : metadata.positive(key(suffix));
    }

    /** The value of a cap on logits, in the families that have any; 0 for none. */
    private float softCap(String suffix) {
        return metadata.positive(key(suffix)).orElse(0f);
    }

    private void refuseShards() {
        long parts = metadata.integer("split.count").orElse(1L);
        if (parts > 1) {
            throw new ModelException(file.source() + " is one of " + parts
                    + " parts of a model; join them first (llama-gguf-split --merge)");
        }
    }

    private void refuseUnknownVariants() {
        if (!metadata.flag(key("attention.causal"), true)) {
            throw metadata.wrong(key("attention.causal"), false,
                    "true: encoders are not supported by this version");
        }
        for (String factor : family == ModelFamily.GRANITE ? new String[0] : GRANITE_FACTORS) {
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
        String name = GgufNames.of(family, WeightRole.TOKEN_EMBEDDING, Weights.NO_LAYER);
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

    private int perLayerSize(String suffix) {
        return GgufLayers.sizeOfAll(metadata, key(suffix));
    }

    private boolean has(WeightRole role, int layer) {
        return file.find(GgufNames.of(family, role, layer)).isPresent();
    }

    private String key(String suffix) {
        return family.architecture() + "." + suffix;
    }
}

package dev.millrace.models;

import dev.millrace.kernels.GateFunction;
import dev.millrace.models.AttentionSpec.HeadNorm;
import dev.millrace.models.NormSpec.Placement;
import dev.millrace.models.RopeSpec.Layout;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The families that this version runs, and in what they differ that no file says: what a name
 * stands for. Sizes, and switches that files do have, are read by the readers of the containers.
 */
enum ModelFamily {
    /** Also Mistral, Mixtral and the many others whose files name this architecture. */
    LLAMA("llama", Layout.ADJACENT),
    QWEN2("qwen2", Layout.HALVES),
    QWEN2_MOE("qwen2moe", Layout.HALVES),
    QWEN3("qwen3", Layout.HALVES),
    QWEN3_MOE("qwen3moe", Layout.HALVES),
    GEMMA2("gemma2", Layout.HALVES),
    GEMMA3("gemma3", Layout.HALVES),
    PHI3("phi3", Layout.HALVES),
    SMOLLM3("smollm3", Layout.ADJACENT),
    GRANITE("granite", Layout.ADJACENT),
    OLMO2("olmo2", Layout.HALVES),
    GPT_OSS("gpt-oss", Layout.HALVES);

    /** Base of rotary frequencies where no file says. */
    static final float DEFAULT_ROPE_BASE = 10_000;

    private final String architecture;
    private final Layout ropeLayout;

    ModelFamily(String architecture, Layout ropeLayout) {
        this.architecture = architecture;
        this.ropeLayout = ropeLayout;
    }

    /** The family that GGUF files call by this name. */
    static Optional<ModelFamily> of(String architecture) {
        return Arrays.stream(values()).filter(family -> family.architecture.equals(architecture))
                .findFirst();
    }

    /** The architectures that this version runs, for messages. */
    static String supported() {
        return Arrays.stream(values()).map(ModelFamily::architecture)
                .collect(Collectors.joining(", "));
    }

    /** The name that GGUF files use, and the prefix of their metadata keys. */
    String architecture() {
        return architecture;
    }

    /** How GGUF files order rotating pairs; files of Hugging Face always have halves. */
    Layout ropeLayout() {
        return ropeLayout;
    }

    GateFunction gate() {
        return switch (this) {
            case GEMMA2, GEMMA3 -> GateFunction.GELU_TANH;
            case GPT_OSS -> GateFunction.CLAMPED_SILU;
            default -> GateFunction.SILU;
        };
    }

    Placement normPlacement() {
        return switch (this) {
            case GEMMA2, GEMMA3 -> Placement.BEFORE_AND_AFTER;
            case OLMO2 -> Placement.AFTER;
            default -> Placement.BEFORE;
        };
    }

    HeadNorm headNorm() {
        return switch (this) {
            case QWEN3, QWEN3_MOE, GEMMA3 -> HeadNorm.EACH_HEAD;
            case OLMO2 -> HeadNorm.ALL_HEADS;
            default -> HeadNorm.NONE;
        };
    }

    /** Whether every layer is a mixture of experts unless a file says otherwise. */
    boolean hasExperts() {
        return this == QWEN2_MOE || this == QWEN3_MOE || this == GPT_OSS;
    }

    /** Whether the weights of the chosen experts sum to one, unless a file says otherwise. */
    boolean normalisesExperts() {
        return this != QWEN2_MOE;
    }

    /**
     * With a window, every how many layers one of them looks back all the way: 1 for none of them.
     */
    int windowPeriod() {
        return switch (this) {
            case GEMMA2, GPT_OSS -> 2;
            case GEMMA3 -> 6;
            default -> 1;
        };
    }

    /** Whether a layer has the window, where some do and the file does not say which. */
    boolean hasWindow(int layer) {
        return windowPeriod() == 1 || (layer + 1) % windowPeriod() != 0;
    }

    /** Whether a layer has position embeddings, unless the file says otherwise. */
    boolean hasRope(int layer) {
        return this != SMOLLM3 || (layer + 1) % 4 != 0;
    }

    /** Whether embeddings are multiplied by the root of their size. */
    boolean scalesEmbeddings() {
        return this == GEMMA2 || this == GEMMA3;
    }

    /** Whether the ramp of YaRN begins and ends at whole pairs. */
    boolean roundsYarn() {
        return this != GPT_OSS;
    }

    /** Whether query, key and value, and gate and up projections are one tensor each. */
    boolean fusesProjections() {
        return this == PHI3;
    }
}

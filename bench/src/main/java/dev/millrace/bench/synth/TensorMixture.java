package dev.millrace.bench.synth;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.gguf.GgufTensorType;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Which type each weight of a file has, as llama.cpp's {@code llama-quantize} chooses it without an
 * importance matrix
 * (<a href="https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp">its rules</a>):
 * the output matrix, and some layers' values and down projections, get more bits than the rest.
 */
final class TensorMixture {

    /** The mixtures by llama.cpp's names, with its numbers for them. */
    private enum Name {
        F32(GgufTensorType.F32, 0),
        F16(GgufTensorType.F16, 1),
        BF16(GgufTensorType.BF16, 32),
        Q4_0(GgufTensorType.Q4_0, 2),
        Q8_0(GgufTensorType.Q8_0, 7),
        Q2_K_S(GgufTensorType.Q2_K, 21),
        Q4_K_S(GgufTensorType.Q4_K, 14),
        Q4_K_M(GgufTensorType.Q4_K, 15),
        Q5_K_S(GgufTensorType.Q5_K, 16),
        Q5_K_M(GgufTensorType.Q5_K, 17),
        Q6_K(GgufTensorType.Q6_K, 18),
        IQ2_XXS(GgufTensorType.IQ2_XXS, 19),
        IQ4_NL(GgufTensorType.IQ4_NL, 25);

        private final GgufTensorType base;
        private final int fileType;

        Name(GgufTensorType base, int fileType) {
            this.base = base;
            this.fileType = fileType;
        }
    }

    /** Columns that the formats with blocks of 256 need. */
    private static final int WIDE_BLOCK = 256;
    /** Query heads per KV head from which values are few enough to deserve more bits. */
    private static final int MANY_GROUP_HEADS = 4;

    private final ModelSpec spec;
    private final Name name;
    private final GgufTensorType pureType;

    private TensorMixture(ModelSpec spec, Name name, GgufTensorType pureType) {
        this.spec = spec;
        this.name = name;
        this.pureType = pureType;
    }

    /**
     * The mixture of this name.
     *
     * @param pure whether the name is a format that every matrix is to have
     * @throws IllegalArgumentException if there is no such mixture or format
     */
    static TensorMixture of(ModelSpec spec, String name, boolean pure) {
        String upper = name.toUpperCase(Locale.ROOT);
        if (pure) {
            return Arrays.stream(QuantFormat.values()).map(QuantFormat::name)
                    .filter(upper::equals).findFirst()
                    .map(format -> new TensorMixture(spec, null, GgufTensorType.valueOf(format)))
                    .orElseThrow(() -> new IllegalArgumentException("with --pure, TYPE must be one"
                            + " of " + GgufTensorType.computable() + ", got \"" + name + "\""));
        }
        String canonical = switch (upper) {
            case "Q4_K", "Q5_K" -> upper + "_M"; // as llama-quantize reads them
            default -> upper;
        };
        return Arrays.stream(Name.values()).filter(each -> each.name().equals(canonical))
                .findFirst().map(found -> new TensorMixture(spec, found, null))
                .orElseThrow(() -> new IllegalArgumentException("TYPE must be one of " + names()
                        + ", or with --pure one of " + GgufTensorType.computable() + "; got \""
                        + name + "\""));
    }

    /** The names of the mixtures, as a user writes them. */
    static String names() {
        return Arrays.stream(Name.values()).map(name -> name.name().toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(", "));
    }

    /** llama.cpp's number for the mixture, or -1 if it has none. */
    int fileType() {
        return name == null ? -1 : name.fileType;
    }

    /** The type of a weight. */
    GgufTensorType type(WeightRole role, int layer, TensorShape shape) {
        if (shape.rows() == 1) {
            return GgufTensorType.F32;
        }
        if (pureType != null) {
            return pureType;
        }
        return name.base.blockElements() == 1
                ? name.base
                : fitting(chosen(role, layer), shape.columns());
    }

    private GgufTensorType chosen(WeightRole role, int layer) {
        return switch (role) {
            case OUTPUT -> outputType();
            case TOKEN_EMBEDDING -> spec.tiedEmbeddings()
                    ? outputType()
                    : name == Name.IQ2_XXS ? GgufTensorType.Q2_K : name.base;
            case VALUE -> valueType(layer);
            case DOWN -> downType(layer);
            default -> name.base;
        };
    }

    private GgufTensorType outputType() {
        return switch (name) {
            case Q8_0 -> GgufTensorType.Q8_0;
            case IQ2_XXS -> GgufTensorType.Q5_K;
            default -> GgufTensorType.Q6_K;
        };
    }

    private GgufTensorType valueType(int layer) {
        boolean manyGroupHeads = spec.groupHeads() >= MANY_GROUP_HEADS;
        return switch (name) {
            case IQ2_XXS -> manyGroupHeads ? GgufTensorType.Q4_K : GgufTensorType.Q2_K;
            case Q2_K_S -> manyGroupHeads ? GgufTensorType.Q4_K : name.base;
            case IQ4_NL -> manyGroupHeads ? GgufTensorType.Q5_K : name.base;
            case Q4_K_M, Q5_K_M -> moreBits(layer) ? GgufTensorType.Q6_K : name.base;
            case Q4_K_S -> layer < 4 ? GgufTensorType.Q5_K : name.base;
            default -> name.base;
        };
    }

    private GgufTensorType downType(int layer) {
        boolean early = layer < spec.layers() / 8;
        return switch (name) {
            case IQ2_XXS -> early ? GgufTensorType.Q2_K : name.base;
            case Q2_K_S -> early ? GgufTensorType.Q4_K : name.base;
            case IQ4_NL, Q4_K_S -> early ? GgufTensorType.Q5_K : name.base;
            case Q4_K_M, Q5_K_M -> moreBits(layer) ? GgufTensorType.Q6_K : name.base;
            default -> name.base;
        };
    }

    /** The first and the last eighth of the layers, and every third one between. */
    private boolean moreBits(int layer) {
        int eighth = spec.layers() / 8;
        return layer < eighth || layer >= 7 * spec.layers() / 8 || (layer - eighth) % 3 == 2;
    }

    /** What a matrix whose rows are no whole number of wide blocks gets instead. */
    private static GgufTensorType fitting(GgufTensorType type, long columns) {
        if (type.blockElements() != WIDE_BLOCK || columns % WIDE_BLOCK == 0) {
            return type;
        }
        return switch (type) {
            case IQ2_XXS -> GgufTensorType.IQ4_NL;
            case Q2_K -> GgufTensorType.Q4_0;
            case Q4_K -> GgufTensorType.Q5_0;
            case Q5_K -> GgufTensorType.Q5_1;
            default -> GgufTensorType.Q8_0;
        };
    }
}

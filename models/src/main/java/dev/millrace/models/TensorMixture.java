package dev.millrace.models;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.quantize.Quantizer;
import dev.millrace.models.gguf.GgufTensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which type each weight of a file has, as llama.cpp's {@code llama-quantize} chooses it without an
 * importance matrix
 * (<a href="https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp">its rules</a>):
 * the output matrix, and some layers' values and down projections, get more bits than the rest.
 */
public final class TensorMixture {

    /** The mixtures by llama.cpp's names, with its numbers for them. */
    private enum Name {
        F32(GgufTensorType.F32, 0),
        F16(GgufTensorType.F16, 1),
        BF16(GgufTensorType.BF16, 32),
        Q4_0(GgufTensorType.Q4_0, 2),
        Q4_1(GgufTensorType.Q4_1, 3),
        Q5_0(GgufTensorType.Q5_0, 8),
        Q5_1(GgufTensorType.Q5_1, 9),
        Q8_0(GgufTensorType.Q8_0, 7),
        Q2_K(GgufTensorType.Q2_K, 10),
        Q2_K_S(GgufTensorType.Q2_K, 21),
        Q3_K_S(GgufTensorType.Q3_K, 11),
        Q3_K_M(GgufTensorType.Q3_K, 12),
        Q3_K_L(GgufTensorType.Q3_K, 13),
        Q4_K_S(GgufTensorType.Q4_K, 14),
        Q4_K_M(GgufTensorType.Q4_K, 15),
        Q5_K_S(GgufTensorType.Q5_K, 16),
        Q5_K_M(GgufTensorType.Q5_K, 17),
        Q6_K(GgufTensorType.Q6_K, 18),
        IQ2_XXS(GgufTensorType.IQ2_XXS, 19),
        IQ4_NL(GgufTensorType.IQ4_NL, 25),
        MXFP4(GgufTensorType.MXFP4, 38);

        private final GgufTensorType base;
        private final int fileType;

        Name(GgufTensorType base, int fileType) {
            this.base = base;
            this.fileType = fileType;
        }
    }

    /** What the rules tell apart, by GGUF's names. */
    private enum Part {
        EMBEDDING,
        OUTPUT,
        KEY,
        VALUE,
        FUSED_ATTENTION,
        ATTENTION_OUTPUT,
        DOWN,
        OTHER,
        KEPT
    }

    private static final Map<String, Part> PARTS = Map.of("token_embd", Part.EMBEDDING, "output",
            Part.OUTPUT, "attn_k", Part.KEY, "attn_v", Part.VALUE, "attn_qkv",
            Part.FUSED_ATTENTION, "attn_output", Part.ATTENTION_OUTPUT, "ffn_down", Part.DOWN,
            "ffn_down_exps", Part.DOWN);

    private static final Pattern TENSOR_NAME = Pattern
            .compile("(?:blk\\.(\\d{1,6})\\.)?([a-z0-9_]+)\\.weight");
    /** Small, and much depends on them: routers, norms, tables of positions, convolutions. */
    private static final Pattern KEPT_NAME = Pattern.compile(
            ".*(_norm|ffn_gate_inp|ffn_gate_inp_shexp|position_embd|token_types|ssm_conv1d)");
    private static final String WEIGHT_SUFFIX = ".weight";

    /** Columns that the formats with blocks of 256 need. */
    private static final int WIDE_BLOCK = 256;
    /** Query heads per KV head from which values are few enough to deserve more bits. */
    private static final int MANY_GROUP_HEADS = 4;
    /** The number of experts, Mixtral's, whose shared weights are few enough for many bits. */
    private static final int MIXTRAL_EXPERTS = 8;

    private final Proportions proportions;
    private final Name name;
    private final GgufTensorType pureType;

    /**
     * What the rules depend on.
     *
     * @param groupHeads query heads per KV head
     * @param experts    in a layer; 0 or 1 where there are none
     */
    public record Proportions(int layers, int groupHeads, int experts, boolean tiedEmbeddings) {}

    private TensorMixture(Proportions proportions, Name name, GgufTensorType pureType) {
        this.proportions = proportions;
        this.name = name;
        this.pureType = pureType;
    }

    /** As {@link #of(Proportions, String, boolean)}. */
    public static TensorMixture of(ModelSpec spec, String name, boolean pure) {
        int experts = spec.layerSpecs().stream().map(layer -> layer.feedForward().experts())
                .mapToInt(each -> each == null ? 0 : each.count()).max().orElse(0);
        return of(new Proportions(spec.layers(), spec.groupHeads(), experts,
                spec.tiedEmbeddings()), name, pure);
    }

    /**
     * The mixture of this name.
     *
     * @param pure whether the name is a format that every matrix is to have
     * @throws IllegalArgumentException if there is no such mixture or format
     */
    public static TensorMixture of(Proportions proportions, String name, boolean pure) {
        String upper = name.toUpperCase(Locale.ROOT);
        if (pure) {
            return Arrays.stream(QuantFormat.values()).filter(QuantFormat::isPlain)
                    .map(QuantFormat::name).filter(upper::equals).findFirst()
                    .map(format -> new TensorMixture(proportions, null,
                            GgufTensorType.valueOf(format)))
                    .orElseThrow(() -> new IllegalArgumentException("with --pure, TYPE must be one"
                            + " of " + GgufTensorType.computable() + ", got \"" + name + "\""));
        }
        String canonical = switch (upper) {
            case "Q3_K", "Q4_K", "Q5_K" -> upper + "_M"; // as llama-quantize reads them
            default -> upper;
        };
        return Arrays.stream(Name.values()).filter(each -> each.name().equals(canonical))
                .findFirst().map(found -> new TensorMixture(proportions, found, null))
                .orElseThrow(() -> new IllegalArgumentException("TYPE must be one of " + names()
                        + ", or with --pure one of " + GgufTensorType.computable() + "; got \""
                        + name + "\""));
    }

    /** The names of the mixtures, as a user writes them. */
    public static String names() {
        return Arrays.stream(Name.values()).map(name -> name.name().toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(", "));
    }

    /** The names of the mixtures that floats can be turned into. */
    public static List<String> writableNames() {
        List<String> names = new ArrayList<>(List.of("q3_k", "q4_k", "q5_k"));
        Arrays.stream(Name.values())
                .filter(name -> Quantizer.targets().contains(name.base.format().orElseThrow()))
                .forEach(name -> names.add(name.name().toLowerCase(Locale.ROOT)));
        return names;
    }

    /** llama.cpp's number for the mixture, or -1 if it has none. */
    public int fileType() {
        return name == null ? -1 : name.fileType;
    }

    /** The type of a weight. */
    public GgufTensorType type(WeightRole role, int layer, TensorShape shape) {
        Part part = switch (role) {
            case TOKEN_EMBEDDING -> Part.EMBEDDING;
            case OUTPUT -> Part.OUTPUT;
            case KEY -> Part.KEY;
            case VALUE -> Part.VALUE;
            case ATTENTION_OUTPUT -> Part.ATTENTION_OUTPUT;
            case DOWN, EXPERT_DOWN -> Part.DOWN;
            case QUERY, GATE, UP, EXPERT_GATE, EXPERT_UP, SHARED_GATE, SHARED_UP, SHARED_DOWN ->
                Part.OTHER;
            default -> Part.KEPT;
        };
        return type(part, layer, shape);
    }

    /**
     * The type of a weight by its name in a GGUF file; F32 for what is no matrix, or must keep all
     * of its bits.
     */
    public GgufTensorType type(String tensorName, TensorShape shape) {
        if (keepsItsBits(tensorName)) {
            return GgufTensorType.F32;
        }
        Matcher matcher = TENSOR_NAME.matcher(tensorName);
        boolean named = matcher.matches();
        Part part = named ? PARTS.getOrDefault(matcher.group(2), Part.OTHER) : Part.OTHER;
        int layer = named && matcher.group(1) != null ? Integer.parseInt(matcher.group(1)) : 0;
        return type(part, layer, shape);
    }

    private GgufTensorType type(Part part, int layer, TensorShape shape) {
        if (part == Part.KEPT || shape.rows() == 1) {
            return GgufTensorType.F32;
        }
        if (pureType != null) {
            return pureType;
        }
        return name.base.blockElements() == 1
                ? name.base
                : fitting(chosen(part, layer), shape.columns());
    }

    private static boolean keepsItsBits(String tensorName) {
        return !tensorName.endsWith(WEIGHT_SUFFIX) || KEPT_NAME.matcher(tensorName.substring(0,
                tensorName.length() - WEIGHT_SUFFIX.length())).matches();
    }

    private GgufTensorType chosen(Part part, int layer) {
        return switch (part) {
            case OUTPUT -> outputType();
            case EMBEDDING -> proportions.tiedEmbeddings
                    ? outputType()
                    : name == Name.IQ2_XXS ? GgufTensorType.Q2_K : name.base;
            case KEY -> keyType();
            case VALUE -> valueType(layer);
            case FUSED_ATTENTION -> switch (name) {
                case Q3_K_M, Q3_K_L -> GgufTensorType.Q4_K;
                case Q4_K_M -> GgufTensorType.Q5_K;
                case Q5_K_M -> GgufTensorType.Q6_K;
                default -> name.base;
            };
            case ATTENTION_OUTPUT -> attentionOutputType();
            case DOWN -> downType(layer);
            case OTHER, KEPT -> name.base;
        };
    }

    private GgufTensorType outputType() {
        return switch (name) {
            case Q8_0, MXFP4 -> GgufTensorType.Q8_0;
            case IQ2_XXS -> GgufTensorType.Q5_K;
            default -> GgufTensorType.Q6_K;
        };
    }

    private GgufTensorType keyType() {
        return proportions.experts != MIXTRAL_EXPERTS
                ? name.base
                : name == Name.IQ2_XXS ? GgufTensorType.Q4_K : GgufTensorType.Q8_0;
    }

    private GgufTensorType valueType(int layer) {
        boolean manyGroupHeads = proportions.groupHeads >= MANY_GROUP_HEADS;
        if (proportions.experts == MIXTRAL_EXPERTS && name != Name.IQ2_XXS) {
            return GgufTensorType.Q8_0;
        }
        return switch (name) {
            case IQ2_XXS -> manyGroupHeads || proportions.experts >= 4
                    ? GgufTensorType.Q4_K
                    : GgufTensorType.Q2_K;
            case Q2_K -> manyGroupHeads ? GgufTensorType.Q4_K : GgufTensorType.Q3_K;
            case Q2_K_S -> manyGroupHeads ? GgufTensorType.Q4_K : name.base;
            case Q3_K_M -> layer < 2 ? GgufTensorType.Q5_K : GgufTensorType.Q4_K;
            case Q3_K_L -> GgufTensorType.Q5_K;
            case IQ4_NL -> manyGroupHeads ? GgufTensorType.Q5_K : name.base;
            case Q4_K_M, Q5_K_M -> moreBits(layer) ? GgufTensorType.Q6_K : name.base;
            case Q4_K_S -> layer < 4 ? GgufTensorType.Q5_K : name.base;
            default -> name.base;
        };
    }

    private GgufTensorType attentionOutputType() {
        if (proportions.experts == MIXTRAL_EXPERTS) {
            return switch (name) {
                case Q2_K, Q3_K_S, Q3_K_M, Q4_K_S, Q4_K_M, IQ4_NL, IQ2_XXS -> GgufTensorType.Q5_K;
                default -> name.base;
            };
        }
        return switch (name) {
            case Q2_K -> GgufTensorType.Q3_K;
            case Q3_K_M -> GgufTensorType.Q4_K;
            case Q3_K_L -> GgufTensorType.Q5_K;
            default -> name.base;
        };
    }

    private GgufTensorType downType(int layer) {
        boolean early = layer < proportions.layers / 8;
        return switch (name) {
            case IQ2_XXS -> early ? GgufTensorType.Q2_K : name.base;
            case Q2_K -> GgufTensorType.Q3_K;
            case Q2_K_S -> early ? GgufTensorType.Q4_K : name.base;
            case Q3_K_M -> layer < proportions.layers / 16
                    ? GgufTensorType.Q5_K
                    : GgufTensorType.Q4_K;
            case Q3_K_L -> GgufTensorType.Q5_K;
            case IQ4_NL, Q4_K_S -> early ? GgufTensorType.Q5_K : name.base;
            case Q4_K_M, Q5_K_M -> moreBits(layer) ? GgufTensorType.Q6_K : name.base;
            default -> name.base;
        };
    }

    /** The first and the last eighth of the layers, and every third one between. */
    private boolean moreBits(int layer) {
        int layers = proportions.layers;
        int eighth = layers / 8;
        return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
    }

    /** What a matrix whose rows are no whole number of wide blocks gets instead. */
    private static GgufTensorType fitting(GgufTensorType type, long columns) {
        if (columns % type.blockElements() == 0) {
            return type;
        }
        if (columns % (WIDE_BLOCK / 8) != 0) {
            return GgufTensorType.F16;
        }
        return switch (type) {
            case IQ2_XXS -> GgufTensorType.IQ4_NL;
            case Q2_K, Q3_K -> GgufTensorType.Q4_0;
            case Q4_K -> GgufTensorType.Q5_0;
            case Q5_K -> GgufTensorType.Q5_1;
            default -> GgufTensorType.Q8_0;
        };
    }
}

package dev.millrace.models.gguf;

import dev.millrace.kernels.QuantFormat;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Every element layout that GGUF has a number for, whether or not this version computes it
 * (<a href="https://github.com/ggml-org/ggml/blob/master/include/ggml.h">ggml.h</a>,
 * {@code enum ggml_type}).
 */
public enum GgufTensorType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q4_2(4),
    Q4_3(5),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q8_1(9, 32, 36),
    Q2_K(10, 256, 84),
    Q3_K(11, 256, 110),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    Q8_K(15, 256, 292),
    IQ2_XXS(16, 256, 66),
    IQ2_XS(17, 256, 74),
    IQ3_XXS(18, 256, 98),
    IQ1_S(19, 256, 50),
    IQ4_NL(20, 32, 18),
    IQ3_S(21, 256, 110),
    IQ2_S(22, 256, 82),
    IQ4_XS(23, 256, 136),
    I8(24, 1, 1),
    I16(25, 1, 2),
    I32(26, 1, 4),
    I64(27, 1, 8),
    F64(28, 1, 8),
    IQ1_M(29, 256, 56),
    BF16(30, 1, 2),
    Q4_0_4_4(31),
    Q4_0_4_8(32),
    Q4_0_8_8(33),
    TQ1_0(34, 256, 54),
    TQ2_0(35, 256, 66),
    IQ4_NL_4_4(36),
    IQ4_NL_4_8(37),
    IQ4_NL_8_8(38),
    MXFP4(39, 32, 17),
    NVFP4(40, 64, 36),
    Q1_0(41, 128, 18);

    private static final GgufTensorType[] BY_CODE = values();

    private final int code;
    private final int blockElements;
    private final int blockBytes;
    private final QuantFormat format;

    GgufTensorType(int code, int blockElements, int blockBytes) {
        this.code = code;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
        this.format = Arrays.stream(QuantFormat.values())
                .filter(candidate -> candidate.name().equals(name())).findFirst().orElse(null);
    }

    /** A number that GGUF once gave and has withdrawn: nothing says how large its blocks are. */
    GgufTensorType(int code) {
        this(code, 0, 0);
    }

    /** The type with this number, or empty if the format has none. */
    public static Optional<GgufTensorType> of(int code) {
        return code >= 0 && code < BY_CODE.length ? Optional.of(BY_CODE[code]) : Optional.empty();
    }

    /** The names of the types that this version computes, for messages. */
    public static String computable() {
        return Arrays.stream(QuantFormat.values()).filter(QuantFormat::isPlain)
                .map(QuantFormat::name).collect(Collectors.joining(", "));
    }

    /** The number that stands for this type in a file. */
    public int code() {
        return code;
    }

    /** Whether the format has withdrawn this type; such a tensor cannot even be measured. */
    public boolean removed() {
        return blockElements == 0;
    }

    /** Consecutive elements of a row in one block. */
    public int blockElements() {
        return blockElements;
    }

    public int blockBytes() {
        return blockBytes;
    }

    /** The kernels' name for this layout; empty where they do not compute it. */
    public Optional<QuantFormat> format() {
        return Optional.ofNullable(format);
    }
}

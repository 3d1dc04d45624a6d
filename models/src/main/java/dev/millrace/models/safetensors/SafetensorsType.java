package dev.millrace.models.safetensors;

import dev.millrace.kernels.QuantFormat;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** What the elements of a tensor are; the names are those of the format. */
public enum SafetensorsType {
    F64(8, null),
    F32(4, QuantFormat.F32),
    F16(2, QuantFormat.F16),
    BF16(2, QuantFormat.BF16),
    F8_E4M3(1, null),
    F8_E5M2(1, null),
    F8_E8M0(1, null),
    I64(8, null),
    U64(8, null),
    I32(4, null),
    U32(4, null),
    I16(2, null),
    U16(2, null),
    I8(1, null),
    U8(1, null),
    BOOL(1, null);

    private final int elementBytes;
    private final QuantFormat format;

    SafetensorsType(int elementBytes, QuantFormat format) {
        this.elementBytes = elementBytes;
        this.format = format;
    }

    /** The type of this name, or empty if the format has none, or one narrower than a byte. */
    static Optional<SafetensorsType> of(String name) {
        return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
    }

    /** All names, for messages. */
    static String names() {
        return Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", "));
    }

    public int elementBytes() {
        return elementBytes;
    }

    /** The kernels' name for this layout; empty where they do not compute it as it is. */
    public Optional<QuantFormat> format() {
        return Optional.ofNullable(format);
    }
}

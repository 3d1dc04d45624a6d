package dev.millrace.models.safetensors;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The elements of a tensor of floats, one by one. */
final class FloatView {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);

    private final SafetensorsType type;
    private final MemorySegment data;
    private final long elements;

    private FloatView(SafetensorsType type, MemorySegment data, long elements) {
        this.type = type;
        this.data = data;
        this.elements = elements;
    }

    /** @throws SafetensorsException if the tensor is not F32, F16 or BF16 */
    static FloatView of(SafetensorsFolder folder, SafetensorsTensor tensor) {
        if (tensor.type().format().isEmpty()) {
            throw new SafetensorsException(folder.source() + ": tensor "
                    + Quoted.text(tensor.name()) + " is " + tensor.type()
                    + "; scales are F32, F16 or BF16");
        }
        return new FloatView(tensor.type(), folder.data(tensor), tensor.elements());
    }

    long elements() {
        return elements;
    }

    float get(long index) {
        return switch (type) {
            case F32 -> data.get(FLOAT, index * Float.BYTES);
            case F16 -> Float.float16ToFloat(data.get(SHORT, index * Short.BYTES));
            default -> Float.intBitsToFloat(data.get(SHORT, index * Short.BYTES) << 16);
        };
    }

    /** Whether every element is kept by a float16, but for one part in 2048. */
    boolean fitsHalves() {
        for (long i = 0; i < elements; i++) {
            float value = get(i);
            float half = Float.float16ToFloat(Float.floatToFloat16(value));
            if (!(Math.abs(half - value) <= Math.abs(value) * 0x1p-11f)) {
                return false;
            }
        }
        return true;
    }

    /** The largest magnitude; NaN if there is one. */
    float largest() {
        float largest = 0;
        for (long i = 0; i < elements; i++) {
            largest = Math.max(largest, Math.abs(get(i)));
        }
        return largest;
    }
}

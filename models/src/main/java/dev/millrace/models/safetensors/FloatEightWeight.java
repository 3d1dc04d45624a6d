package dev.millrace.models.safetensors;

import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Floats of eight bits times scales of the tensor, of each row, or of square blocks. They become
 * float16, whose eleven bits keep the four (or three) of the element and most of the scale's: the
 * error is one part in 2048 at most, where one step of the element is one in 16.
 */
final class FloatEightWeight extends StoredWeight {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final float LARGEST_HALF = 65504;
    private static final float[] E4M3 = new float[256];
    private static final float[] E5M2 = new float[256];

    static {
        for (int bits = 0; bits < 256; bits++) {
            E4M3[bits] = fourBitExponent(bits);
            E5M2[bits] = Float.float16ToFloat((short) (bits << 8));
        }
    }

    private final SafetensorsType type;
    private final MemorySegment codes;
    private final FloatView scales;
    private final long blockRows;
    private final long blockColumns;
    private final long scaleColumns;
    private final QuantFormat format;

    /**
     * A weight over scales that are laid out by blocks.
     *
     * @param blockRows    rows that share a scale
     * @param blockColumns columns that share a scale
     */
    FloatEightWeight(SafetensorsTensor tensor, MemorySegment codes, FloatView scales,
            long blockRows, long blockColumns) {
        super(tensor.shape());
        this.type = tensor.type();
        this.codes = codes;
        this.scales = scales;
        this.blockRows = blockRows;
        this.blockColumns = blockColumns;
        this.scaleColumns = (shape().columns() + blockColumns - 1) / blockColumns;
        float largest = (type == SafetensorsType.F8_E4M3 ? 448 : 57344) * scales.largest();
        this.format = largest <= LARGEST_HALF ? QuantFormat.F16 : QuantFormat.BF16;
    }

    /** Four bits of exponent with a bias of 7, three of mantissa; no infinity, one NaN. */
    private static float fourBitExponent(int bits) {
        int exponent = bits >> 3 & 0xF;
        int mantissa = bits & 7;
        float magnitude = (bits & 0x7F) == 0x7F
                ? Float.NaN
                : exponent == 0
                        ? mantissa * 0x1p-9f
                        : Math.scalb(8f + mantissa, exponent - 10);
        return bits >= 128 ? -magnitude : magnitude;
    }

    @Override
    String stored() {
        String scaled = scales.elements() == 1
                ? "one scale"
                : blockColumns >= shape().columns() && blockRows == 1
                        ? "a scale per row"
                        : "scales of " + blockRows + " x " + blockColumns;
        return type + ", " + scaled + ", as " + format;
    }

    @Override
    QuantFormat format() {
        return format;
    }

    @Override
    void write(long firstRow, int rows, MemorySegment out) {
        long columns = shape().columns();
        for (long row = firstRow; row < firstRow + rows; row++) {
            for (long column = 0; column < columns; column += blockColumns) {
                long count = Math.min(blockColumns, columns - column);
                float scale = scales.get(row / blockRows * scaleColumns + column / blockColumns);
                writeRun(row * columns + column, count, scale, out);
            }
        }
    }

    private void writeRun(long first, long count, float scale, MemorySegment out) {
        float[] values = type == SafetensorsType.F8_E4M3 ? E4M3 : E5M2;
        boolean halves = format == QuantFormat.F16;
        for (long at = first; at < first + count; at++) {
            float value = values[codes.get(ValueLayout.JAVA_BYTE, at) & 0xFF] * scale;
            out.set(SHORT, 2 * at, halves ? Float.floatToFloat16(value) : brainFloat(value));
        }
    }

    private static short brainFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
    }
}

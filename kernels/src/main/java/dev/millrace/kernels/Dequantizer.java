package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Turns the elements of a format back into floats, bit for bit as ggml's reference does.
 *
 * <p>Holds a buffer: one instance per thread.
 */
public final class Dequantizer {

    private final QuantFormat format;
    private final QuantBlock block;

    public Dequantizer(QuantFormat format) {
        this.format = format;
        this.block = format.blockElements() == 1 ? null : QuantBlock.of(format);
    }

    /**
     * Writes elements {@code [first, first + count)} of a tensor, counted row after row, to
     * {@code out} at {@code outOffset}.
     *
     * @throws IllegalArgumentException if the tensor has another format, or the range is outside
     *                                  of it or not a whole number of blocks
     */
    public void dequantize(QuantTensor tensor, long first, int count, float[] out, int outOffset) {
        if (tensor.format() != format) {
            throw new IllegalArgumentException(
                    "a dequantiser of " + format + " got a tensor of " + tensor.format());
        }
        long elements = tensor.shape().elements();
        if (first < 0 || count < 0 || first > elements - count) {
            throw new IllegalArgumentException("elements " + first + " to " + (first + count)
                    + " are outside of a tensor of " + elements);
        }
        int blockElements = format.blockElements();
        if (first % blockElements != 0 || count % blockElements != 0) {
            throw new IllegalArgumentException("elements of " + format + " come in blocks of "
                    + blockElements + ", got " + count + " from " + first);
        }
        long offset = first / blockElements * format.blockBytes();
        dequantize(tensor.data(), offset, count, out, outOffset);
    }

    /** Writes {@code count} elements, a whole number of blocks, that start at a byte offset. */
    public void dequantize(MemorySegment data, long offset, int count, float[] out,
            int outOffset) {
        switch (format) {
            case F32 -> MemorySegment.copy(data, LittleEndian.FLOAT, offset, out, outOffset,
                    count);
            case F16 -> halves(data, offset, count, out, outOffset);
            case BF16 -> brainFloats(data, offset, count, out, outOffset);
            default -> blocks(data, offset, count, out, outOffset);
        }
    }

    private static void halves(MemorySegment data, long offset, int count, float[] out,
            int outOffset) {
        for (int i = 0; i < count; i++) {
            out[outOffset + i] = LittleEndian.half(data, offset + i * 2L);
        }
    }

    /** A brain float is the upper half of a float32. */
    private static void brainFloats(MemorySegment data, long offset, int count, float[] out,
            int outOffset) {
        for (int i = 0; i < count; i++) {
            int upper = data.get(LittleEndian.SHORT, offset + i * 2L) << 16;
            out[outOffset + i] = Float.intBitsToFloat(upper);
        }
    }

    private void blocks(MemorySegment data, long offset, int count, float[] out, int outOffset) {
        QuantFormat plain = block.format();
        for (int i = 0; i < count; i += plain.blockElements()) {
            block.read(data, offset);
            block.dequantize(out, outOffset + i);
            offset += plain.blockBytes();
        }
    }
}

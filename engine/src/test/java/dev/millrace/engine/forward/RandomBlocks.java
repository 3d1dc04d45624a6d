package dev.millrace.engine.forward;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Random;

/**
 * Random weights in any format: blocks of random bits whose scales are set so that the values have
 * roughly the wanted spread.
 */
final class RandomBlocks {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);

    private RandomBlocks() {}

    static QuantTensor tensor(QuantFormat format, TensorShape shape, float mean, float deviation,
            Random random) {
        long bytes = QuantTensor.bytes(format, shape);
        MemorySegment data = Arena.ofAuto().allocate(bytes, 64);
        for (long offset = 0; offset < bytes; offset += format.blockBytes()) {
            fill(format, data.asSlice(offset, format.blockBytes()), mean, deviation, random);
        }
        return QuantTensor.of(format, shape, data);
    }

    private static void fill(QuantFormat format, MemorySegment block, float mean, float deviation,
            Random random) {
        float value = mean + deviation * (float) random.nextGaussian();
        switch (format) {
            case F32 -> block.set(INT, 0, Float.floatToRawIntBits(value));
            case F16 -> block.set(SHORT, 0, Float.floatToFloat16(value));
            case BF16 -> block.set(SHORT, 0, (short) (Float.floatToRawIntBits(value) >>> 16));
            // The divisors are the spread of a block's values at a scale of 1.
            case Q8_0 -> scaled(block, random, 0, deviation / 74);
            case Q4_0 -> scaled(block, random, 0, deviation / 4.6f);
            case IQ2_XXS -> scaled(block, random, 0, deviation / 40);
            case Q6_K -> scaled(block, random, 208, deviation / 1360);
            case Q2_K -> scaledWithMinimum(block, random, 80, deviation / 12, 1.5f);
            case Q4_K -> scaledWithMinimum(block, random, 0, deviation / 260, 7.5f);
            case Q5_K -> scaledWithMinimum(block, random, 0, deviation / 520, 15.5f);
        }
    }

    private static void scaled(MemorySegment block, Random random, int scaleOffset, float scale) {
        byte[] bits = new byte[(int) block.byteSize()];
        random.nextBytes(bits);
        block.copyFrom(MemorySegment.ofArray(bits));
        block.set(SHORT, scaleOffset, Float.floatToFloat16(scale));
    }

    /** The minimum's scale follows the scale's and takes the mean out. */
    private static void scaledWithMinimum(MemorySegment block, Random random, int scaleOffset,
            float scale, float minimumRatio) {
        scaled(block, random, scaleOffset, scale);
        block.set(SHORT, scaleOffset + Short.BYTES, Float.floatToFloat16(scale * minimumRatio));
    }
}

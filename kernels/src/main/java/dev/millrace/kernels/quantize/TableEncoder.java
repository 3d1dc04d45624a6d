package dev.millrace.kernels.quantize;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.MemorySegment;

/** IQ4_NL and MXFP4: 32 nibbles that select from a table of values, under one scale. */
final class TableEncoder extends BlockEncoder {

    private static final int ELEMENTS = 32;
    /** Scales tried on each side of the usual one. */
    private static final int STEPS = 9;
    private static final float STEP_SHARE = 0.0125f;
    /** Bias of an MXFP4 exponent, and the exponent of the largest value of its table. */
    private static final int EXPONENT_BIAS = 127;
    private static final int LARGEST_EXPONENT = 2;
    /** Scales whose inverses are finite, and which are so themselves. */
    private static final int LEAST_EXPONENT = 2;
    private static final int MOST_EXPONENT = 254;

    /** The values, and the indexes that a file has for them, in ascending order of the values. */
    private final float[] values = new float[16];
    private final byte[] indexes = new byte[16];

    TableEncoder(QuantFormat format) {
        super(format);
        byte[] table = QuantBlock.of(format).codebook();
        for (int index = 0; index < table.length; index++) {
            int at = index;
            for (; at > 0 && values[at - 1] > table[index]; at--) {
                values[at] = values[at - 1];
                indexes[at] = indexes[at - 1];
            }
            values[at] = table[index];
            indexes[at] = (byte) index;
        }
    }

    @Override
    void weigh(float[] x, int at) {
        weighBySquares(x, at);
    }

    @Override
    void encode(float[] x, int at, MemorySegment out, long offset) {
        float peak = 0;
        for (int i = 0; i < ELEMENTS; i++) {
            if (Math.abs(x[at + i]) > Math.abs(peak)) {
                peak = x[at + i];
            }
        }
        float scale;
        if (format == QuantFormat.IQ4_NL) {
            scale = putHalf(out, offset, unevenScale(x, at, peak));
        } else {
            int exponent = exponent(x, at, peak);
            putByte(out, offset, exponent);
            // The table has twice the values.
            scale = Math.scalb(1f, exponent - EXPONENT_BIAS - 1);
        }
        float codesPerUnit = inverse(scale);
        for (int i = 0; i < ELEMENTS; i++) {
            codes[i] = indexes[nearest(x[at + i] * codesPerUnit)];
        }
        long nibbles = offset + (format == QuantFormat.IQ4_NL ? 2 : 1);
        for (int i = 0; i < ELEMENTS / 2; i++) {
            putByte(out, nibbles + i, codes[i] | codes[i + ELEMENTS / 2] << 4);
        }
    }

    /** The place of the value nearest to this, by halving. */
    private int nearest(float value) {
        int low = 0;
        int high = values.length - 1;
        while (high - low > 1) {
            int middle = low + high >>> 1;
            if (value < values[middle]) {
                high = middle;
            } else {
                low = middle;
            }
        }
        return value - values[low] < values[high] - value ? low : high;
    }

    private float unevenScale(float[] x, int at, float peak) {
        if (Math.abs(peak) < GroupFit.LEAST_SPAN) {
            return 0;
        }
        float bestScale = 0;
        float best = -1;
        for (int step = -STEPS; step <= STEPS; step++) {
            float codesPerUnit = values[0] * (1 + STEP_SHARE * step) / peak;
            float productSum = 0;
            float squareSum = 0;
            for (int i = 0; i < ELEMENTS; i++) {
                float value = values[nearest(x[at + i] * codesPerUnit)];
                productSum += weights[i] * value * x[at + i];
                squareSum += weights[i] * value * value;
            }
            float gain = squareSum > 0 ? productSum / squareSum * productSum : 0;
            if (gain > best) {
                best = gain;
                bestScale = squareSum > 0 ? productSum / squareSum : 0;
            }
        }
        return bestScale;
    }

    /** The biased power of two that the largest element needs, or the next if that errs less. */
    private int exponent(float[] x, int at, float peak) {
        int lower = Math.clamp(Math.getExponent(peak) - LARGEST_EXPONENT + EXPONENT_BIAS,
                LEAST_EXPONENT, MOST_EXPONENT - 1);
        return squares(x, at, lower) <= squares(x, at, lower + 1) ? lower : lower + 1;
    }

    private float squares(float[] x, int at, int exponent) {
        float scale = Math.scalb(1f, exponent - EXPONENT_BIAS - 1);
        float sum = 0;
        for (int i = 0; i < ELEMENTS; i++) {
            float error = x[at + i] - scale * values[nearest(x[at + i] / scale)];
            sum += weights[i] * error * error;
        }
        return sum;
    }
}

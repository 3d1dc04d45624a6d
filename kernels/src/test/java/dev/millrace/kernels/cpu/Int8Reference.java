package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantTensor;

/**
 * The scalar twin of the native kernels: a product as {@link NativeKernels} defines it, one element
 * at a time and straight from the file's blocks.
 */
final class Int8Reference {

    private static final int UNIT = 32;
    /** Magnitudes below this count as zero. */
    private static final float LEAST = 0x1p-100f;

    private final byte[] codes; // (columns)
    private final float[] scales; // (columns / 32)

    /** Quantises one row of activations. */
    private Int8Reference(float[] x, int offset, int columns) {
        codes = new byte[columns];
        scales = new float[columns / UNIT];
        for (int unit = 0; unit < scales.length; unit++) {
            int first = unit * UNIT;
            float largest = 0;
            for (int i = first; i < first + UNIT; i++) {
                largest = Math.max(largest, Math.abs(x[offset + i])); // NaN wins
            }
            if (!Float.isFinite(largest)) {
                scales[unit] = Float.NaN;
            } else if (largest >= LEAST) {
                scales[unit] = largest / 127;
                float inverse = 127 / largest;
                for (int i = first; i < first + UNIT; i++) {
                    codes[i] = (byte) Math.rint(x[offset + i] * inverse);
                }
            }
        }
    }

    /** All outputs of some rows of activations, (rows, outputs). */
    static float[] multiply(QuantTensor weight, float[] x, int rows) {
        int outputs = (int) weight.shape().rows();
        int columns = (int) weight.shape().columns();
        QuantBlock block = QuantBlock.of(weight.format());
        float[] y = new float[rows * outputs];
        for (int r = 0; r < rows; r++) {
            Int8Reference row = new Int8Reference(x, r * columns, columns);
            for (int n = 0; n < outputs; n++) {
                y[r * outputs + n] = row.dot(weight, n, block);
            }
        }
        return y;
    }

    private float dot(QuantTensor weight, int output, QuantBlock block) {
        int blockElements = weight.format().blockElements();
        int groups = UNIT / Math.min(UNIT, block.groupElements());
        float sum = 0;
        float minSum = 0;
        for (int unit = 0; unit < scales.length; unit++) {
            int inBlock = unit * UNIT % blockElements;
            if (inBlock == 0) {
                block.read(weight.data(), output * weight.rowBytes()
                        + (long) unit * UNIT / blockElements * weight.format().blockBytes());
            }
            float scaled = 0;
            for (int g = 0; g < groups; g++) {
                int size = UNIT / groups;
                int dot = 0;
                int codeSum = 0;
                for (int i = g * size; i < (g + 1) * size; i++) {
                    dot += block.code(inBlock + i) * codes[unit * UNIT + i];
                    codeSum += codes[unit * UNIT + i];
                }
                int group = inBlock / size + g;
                float scale = block.scale() * block.scaleCode(group);
                scaled = g == 0 ? dot * scale : Math.fma((float) dot, scale, scaled);
                float minimum = block.minScale() * block.minCode(group);
                minSum = Math.fma(minimum, scales[unit] * codeSum, minSum);
            }
            sum = Math.fma(scaled, scales[unit], sum);
        }
        return block.hasMinimums() ? sum - minSum : sum;
    }
}

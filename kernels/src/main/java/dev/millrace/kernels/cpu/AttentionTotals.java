package dev.millrace.kernels.cpu;

import java.util.Arrays;

/**
 * Running softmax over chunks: per row the largest score so far, the sum of the weights against it,
 * and the weighted sum of values (Milakov and Gimelshein, "Online normalizer calculation for
 * softmax", 2018).
 */
final class AttentionTotals {

    /** Arrays of one float per row, for {@link #bytes}. */
    private static final int ROW_FLOATS = 4;

    private final ElementKernels elements;
    private final int width;
    private final float scoreScale;
    private final float[] maxima; // (rows)
    private final float[] sums; // (rows)
    private final float[] values; // (rows, width)
    private final float[] oldFactors; // (rows)
    private final float[] newFactors; // (rows)

    /** @param scoreScale what scores are multiplied by before the exponential */
    AttentionTotals(ElementKernels elements, int rows, int width, float scoreScale) {
        this.elements = elements;
        this.width = width;
        this.scoreScale = scoreScale;
        maxima = new float[rows];
        sums = new float[rows];
        values = new float[rows * width];
        oldFactors = new float[rows];
        newFactors = new float[rows];
    }

    static long bytes(int rows, int width) {
        return (long) rows * (width + ROW_FLOATS) * Float.BYTES;
    }

    /** Starts the first {@code rows} rows over. */
    void clear(int rows) {
        Arrays.fill(maxima, 0, rows, Float.NEGATIVE_INFINITY);
        Arrays.fill(sums, 0, rows, 0);
        Arrays.fill(values, 0, rows * width, 0);
    }

    /** Adds a chunk's part to rows from {@code firstRow} on; rows without weights stay as is. */
    void add(AttentionPart part, int firstRow, int rows) {
        for (int row = 0; row < rows; row++) {
            float old = maxima[firstRow + row];
            float max = part.sums[row] == 0 ? old : Math.max(old, part.maxima[row]);
            oldFactors[row] = old - max;
            newFactors[row] = part.maxima[row] - max;
            maxima[firstRow + row] = max;
        }
        elements.expShifted(oldFactors, 0, rows, 0, scoreScale, oldFactors, 0);
        elements.expShifted(newFactors, 0, rows, 0, scoreScale, newFactors, 0);
        for (int row = 0; row < rows; row++) {
            if (part.sums[row] != 0) {
                sums[firstRow + row] = sums[firstRow + row] * oldFactors[row]
                        + part.sums[row] * newFactors[row];
                add(part.values, row * width, newFactors[row], (firstRow + row) * width,
                        oldFactors[row]);
            }
        }
    }

    private void add(float[] part, int from, float newFactor, int to, float oldFactor) {
        for (int i = 0; i < width; i++) {
            values[to + i] = values[to + i] * oldFactor + part[from + i] * newFactor;
        }
    }

    /** The largest score of a row, times what it is multiplied by before the exponential. */
    float largestExponent(int row) {
        return maxima[row] * scoreScale;
    }

    /**
     * Writes {@code count} elements of a row's mean value times a unit.
     *
     * @param restWeight of what has no value, against {@link #largestExponent}
     */
    void writeMean(int row, float restWeight, float unit, float[] out, int outOffset, int count) {
        float factor = unit / (sums[row] + restWeight);
        for (int i = 0; i < count; i++) {
            out[outOffset + i] = values[row * width + i] * factor;
        }
    }
}

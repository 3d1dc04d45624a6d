package dev.millrace.kernels.cpu;

/**
 * Rows of activations on their way into matrix products, (rows, columns) row-major, and what the
 * kernels that made them derive from each row once so that every matrix can use it.
 *
 * <p>Write a row into {@link #values}, call {@link CpuKernels#prepare} for it, then multiply.
 * Different threads may write and prepare different rows.
 */
public final class Activations {

    private final int rows;
    private final int columns;
    private final float[] values;
    private final float[] sumsOf16;
    private final float[] sumsOf32;
    private final Int8Rows int8;

    /** @param sums whether products will ask for sums of groups */
    Activations(int rows, int columns, boolean sums) {
        this(rows, columns, sums, null);
    }

    private Activations(int rows, int columns, boolean sums, NativeVariant variant) {
        if (rows < 1 || columns < 1 || (long) rows * columns > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("activations have at least one row and one column "
                    + "and fit an array, got " + rows + " x " + columns);
        }
        this.rows = rows;
        this.columns = columns;
        values = new float[rows * columns];
        sumsOf16 = sums ? new float[rows * (columns / 16)] : null;
        sumsOf32 = sums ? new float[rows * (columns / 32)] : null;
        int8 = variant == null ? null : new Int8Rows(values, rows, columns, variant);
    }

    /** Activations that native products read as bytes, and products with floats as they are. */
    static Activations quantised(int rows, int columns, NativeVariant variant) {
        return new Activations(rows, columns, true, variant);
    }

    /** Rows that fit. */
    public int rows() {
        return rows;
    }

    /** Elements of a row. */
    public int columns() {
        return columns;
    }

    /** (rows, columns), to be written to. */
    public float[] values() {
        return values;
    }

    /** Sums of {@code group} consecutive activations, (rows, columns / group). */
    float[] sums(int group) {
        return group == 16 ? sumsOf16 : sumsOf32;
    }

    /** The rows as bytes; null but for native kernels. */
    Int8Rows int8() {
        return int8;
    }

    /** Sums the groups of one row; four sums side by side do not wait for every addition. */
    void sumRow(int row) {
        int groups = columns / 16;
        for (int group = 0; group < groups; group++) {
            int end = row * columns + (group + 1) * 16;
            float a = 0;
            float b = 0;
            float c = 0;
            float d = 0;
            for (int i = end - 16; i < end; i += 4) {
                a += values[i];
                b += values[i + 1];
                c += values[i + 2];
                d += values[i + 3];
            }
            sumsOf16[row * groups + group] = a + b + (c + d);
        }
        int pairs = columns / 32;
        for (int pair = 0; pair < pairs; pair++) {
            int first = row * groups + 2 * pair;
            sumsOf32[row * pairs + pair] = sumsOf16[first] + sumsOf16[first + 1];
        }
    }
}

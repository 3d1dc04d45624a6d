package dev.millrace.kernels.cpu;

/**
 * What one chunk contributes to attention: per row its largest score, the sum of its weights
 * against that (0 where the row attends to nothing in the chunk) and its weighted values.
 */
final class AttentionPart {

    private static final int ROW_FLOATS = 2;

    private final int width;
    final float[] maxima; // (rows)
    final float[] sums; // (rows)
    final float[] values; // (rows, width)

    AttentionPart(int rows, int width) {
        this.width = width;
        maxima = new float[rows];
        sums = new float[rows];
        values = new float[rows * width];
    }

    /** Floats of {@code rows} rows. */
    static int size(int rows, int width) {
        return rows * (width + ROW_FLOATS);
    }

    /** Copies the first rows to memory that other threads read. */
    void save(int rows, float[] to, int offset) {
        System.arraycopy(maxima, 0, to, offset, rows);
        System.arraycopy(sums, 0, to, offset + rows, rows);
        System.arraycopy(values, 0, to, offset + ROW_FLOATS * rows, rows * width);
    }

    /** The opposite of {@link #save}. */
    void load(int rows, float[] from, int offset) {
        System.arraycopy(from, offset, maxima, 0, rows);
        System.arraycopy(from, offset + rows, sums, 0, rows);
        System.arraycopy(from, offset + ROW_FLOATS * rows, values, 0, rows * width);
    }
}

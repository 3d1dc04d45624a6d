package dev.millrace.kernels.cpu;

/**
 * Up to four rows of activations on their way through one tile: where they begin in {@link #x},
 * where their groups' sums begin in {@link #xSums}, and where their accumulators are. A row may
 * stand there twice; its second result is then dropped.
 */
final class RowQuad {

    static final int ROWS = 4;

    float[] x;
    int x0;
    int x1;
    int x2;
    int x3;
    /** Of the first row's groups, which alone read them; null without minimums. */
    float[] xSums;
    int xSums0;
    /** Of the first row. */
    long accumulators;
    /** From one row's accumulators to the next. */
    long accumulatorBytes;

    /** Lets go of the arrays. */
    void clear() {
        x = null;
        xSums = null;
    }
}

package dev.millrace.kernels.cpu;

/**
 * Instructions that the native kernels were written for, as {@code kernels.c} numbers them: of
 * those that a processor has, the last is the fastest.
 */
enum NativeVariant {
    AVX2("AVX2", 65),
    AVX_VNNI("AVX-VNNI", 65),
    AVX512_VNNI("AVX-512 VNNI", 65),
    NEON_DOTPROD("NEON dot products", 33);

    private final String label;
    private final int panelRows;

    /**
     * @param panelRows from how many rows on it is faster to expand weights to panels, which costs
     *                  once and saves in every row
     */
    NativeVariant(String label, int panelRows) {
        this.label = label;
        this.panelRows = panelRows;
    }

    /** What the instructions are called. */
    String label() {
        return label;
    }

    /** Rows from which weights are expanded to panels. */
    int panelRows() {
        return panelRows;
    }

    /** Whether a set of variants, a bit for each, has this one. */
    boolean isIn(int variants) {
        return (variants >> ordinal() & 1) != 0;
    }
}

package dev.millrace.kernels.cpu;

/**
 * {@link RowKernels} for four rows at once: what decides how fast a small batch is. The weights are
 * converted once for all four, and every row sums in the same order as alone.
 */
interface QuadKernels {

    /** Whether there is a kernel for these codes; if not, expand them first. */
    boolean reads(PackedLayout.Codes codes);

    /** As {@link RowKernels#addBytesUnderHalves}. */
    void addBytesUnderHalves(RowQuad quad, long unit, int units);

    /** As {@link RowKernels#addBytesUnderCodes}. */
    void addBytesUnderCodes(RowQuad quad, PackedLayout layout, long block);

    /** As {@link RowKernels#addNibblesUnderHalves}. */
    void addNibblesUnderHalves(RowQuad quad, long unit, int units, long table);

    /** As {@link RowKernels#addNibblesUnderCodes}. */
    void addNibblesUnderCodes(RowQuad quad, PackedLayout layout, long block, long table);
}

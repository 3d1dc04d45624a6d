package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuMatrix;

/**
 * One projection's low-rank change, packed: {@code scale * B (A x)}.
 *
 * @param a     (rank, inputs)
 * @param b     (outputs, rank)
 * @param inner (step tokens, rank): the inputs of B, which pairs share that are never used at once
 */
record CpuLoraPair(CpuMatrix a, CpuMatrix b, float scale, Activations inner) {

    int rank() {
        return a.rows();
    }
}

package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuKernels;

/** Every family on the vector kernels. */
class VectorArchitectureTest extends ArchitectureContract {

    @Override
    CpuKernels kernels() {
        return CpuKernels.vector();
    }
}

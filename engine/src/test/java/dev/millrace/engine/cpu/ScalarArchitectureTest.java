package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuKernels;

/** Every family on the scalar kernels. */
class ScalarArchitectureTest extends ArchitectureContract {

    @Override
    CpuKernels kernels() {
        return CpuKernels.scalar();
    }
}

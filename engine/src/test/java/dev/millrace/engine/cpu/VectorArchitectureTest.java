package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuKernels;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** Every family on the vector kernels. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class VectorArchitectureTest extends ArchitectureContract {

    @Override
    CpuKernels kernels() {
        return CpuKernels.vector();
    }
}

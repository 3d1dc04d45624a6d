package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuKernels;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** Every family on the scalar kernels. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class ScalarArchitectureTest extends ArchitectureContract {

    @Override
    CpuKernels kernels() {
        return CpuKernels.scalar();
    }
}

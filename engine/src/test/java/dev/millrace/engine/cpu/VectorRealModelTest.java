package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuKernels;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** Trained models on the vector kernels. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class VectorRealModelTest extends RealModelContract {

    @Override
    CpuKernels kernels() {
        return CpuKernels.vector();
    }
}

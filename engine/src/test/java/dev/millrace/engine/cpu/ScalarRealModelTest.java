package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuKernels;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** Trained models on the scalar reference kernels. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class ScalarRealModelTest extends RealModelContract {

    @Override
    CpuKernels kernels() {
        return CpuKernels.scalar();
    }
}

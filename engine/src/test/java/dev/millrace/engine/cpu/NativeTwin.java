package dev.millrace.engine.cpu;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cpu.CpuKernels;
import org.junit.jupiter.api.Assumptions;

/** The native kernels, or a skipped test that says why there are none. */
final class NativeTwin {

    private NativeTwin() {}

    static CpuKernels open() {
        try {
            return CpuKernels.nativeTwin();
        } catch (KernelException e) {
            return Assumptions.abort(e.getMessage());
        }
    }
}

package dev.millrace.bench;

import dev.millrace.kernels.cpu.CpuKernels;

/** The kernels that a benchmark can be told to use, by the names that the server knows too. */
public final class KernelNames {

    private KernelNames() {}

    /**
     * @throws IllegalArgumentException                  if there are no kernels of this name
     * @throws dev.millrace.kernels.KernelException if they cannot run here
     */
    public static CpuKernels of(String name) {
        return switch (name) {
            case "scalar" -> CpuKernels.scalar();
            case "vector" -> CpuKernels.vector();
            case "native" -> CpuKernels.nativeTwin();
            default -> throw new IllegalArgumentException(
                    "--kernels must be scalar, vector or native, got \"" + name + "\"");
        };
    }
}

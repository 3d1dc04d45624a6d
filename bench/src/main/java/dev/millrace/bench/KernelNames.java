package dev.millrace.bench;

import dev.millrace.kernels.cpu.CpuKernels;

/**
 * The kernels that a benchmark can be told to use, by the names that the server knows too, and
 * narrower ones than the server would take: {@code vector-256}, {@code native-avx2}.
 */
public final class KernelNames {

    private static final String WIDTH = "vector-";
    private static final String INSTRUCTIONS = "native-";

    private KernelNames() {}

    /**
     * @throws IllegalArgumentException                  if there are no kernels of this name
     * @throws dev.millrace.kernels.KernelException if they cannot run here
     */
    public static CpuKernels of(String name) {
        return switch (name) {
            case "scalar" -> CpuKernels.scalar();
            case "vector" -> CpuKernels.vector();
            case "vector-128", "vector-256", "vector-512" -> CpuKernels.vector(
                    Integer.parseInt(name.substring(WIDTH.length())));
            case "native" -> CpuKernels.nativeTwin();
            default -> {
                if (name.startsWith(INSTRUCTIONS)) {
                    yield CpuKernels.nativeTwin(name.substring(INSTRUCTIONS.length()));
                }
                throw new IllegalArgumentException("--kernels must be scalar, vector or native, got"
                        + " \"" + name + "\"; vector-256 and native-avx2 are narrower ones");
            }
        };
    }
}

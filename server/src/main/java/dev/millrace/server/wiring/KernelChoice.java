package dev.millrace.server.wiring;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.server.config.ServerConfig;
import java.util.Optional;

/**
 * The kernels that a configuration asks for.
 *
 * @param kernels what computes
 * @param remark  what the user should know about the choice, if anything
 */
record KernelChoice(CpuKernels kernels, Optional<String> remark) {

    /**
     * A choice that was named is taken or fails; {@code auto} takes the native kernels where the
     * build made them for this processor, else the vector kernels, else the scalar ones, and says
     * why: slowness that nobody hears of is a billing bug.
     *
     * @throws KernelException if what was named cannot run here; says what to do
     */
    static KernelChoice of(ServerConfig config) {
        return switch (config.kernels()) {
            case "scalar" -> new KernelChoice(CpuKernels.scalar(), Optional.empty());
            case "vector" -> new KernelChoice(vector(config.vectorBits()), Optional.empty());
            case "native" -> new KernelChoice(CpuKernels.nativeTwin(), Optional.empty());
            default -> automatic(config.vectorBits());
        };
    }

    private static KernelChoice automatic(int bits) {
        if (bits != 0) {
            return new KernelChoice(vector(bits), Optional.empty()); // a width was named
        }
        try {
            return new KernelChoice(CpuKernels.nativeTwin(), Optional.of(
                    "native kernels are the fastest here and round activations to 8 bits;"
                            + " --kernels=vector does not round them"));
        } catch (KernelException noNative) {
            return vectorOrScalar(noNative);
        }
    }

    private static KernelChoice vectorOrScalar(KernelException noNative) {
        try {
            return new KernelChoice(vector(0), Optional.of(noNative.getMessage()));
        } catch (KernelException e) {
            return new KernelChoice(CpuKernels.scalar(), Optional.of(
                    "computing with the scalar kernels, which are many times slower: "
                            + e.getMessage()));
        }
    }

    private static CpuKernels vector(int bits) {
        return bits == 0 ? CpuKernels.vector() : CpuKernels.vector(bits);
    }
}

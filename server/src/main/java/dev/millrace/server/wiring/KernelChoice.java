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
     * A choice that was named is taken or fails; {@code auto} takes the vector kernels and falls
     * back with a remark, for slowness that nobody hears of is a billing bug.
     *
     * @throws KernelException if what was named cannot run here; says what to do
     */
    static KernelChoice of(ServerConfig config) {
        return switch (config.kernels()) {
            case "scalar" -> new KernelChoice(CpuKernels.scalar(), Optional.empty());
            case "vector" -> new KernelChoice(vector(config.vectorBits()), Optional.empty());
            default -> automatic(config.vectorBits());
        };
    }

    private static KernelChoice automatic(int bits) {
        try {
            return new KernelChoice(vector(bits), Optional.empty());
        } catch (KernelException e) {
            if (bits != 0) {
                throw e; // a width was named
            }
            return new KernelChoice(CpuKernels.scalar(), Optional.of(
                    "computing with the scalar kernels, which are many times slower: "
                            + e.getMessage()));
        }
    }

    private static CpuKernels vector(int bits) {
        return bits == 0 ? CpuKernels.vector() : CpuKernels.vector(bits);
    }
}

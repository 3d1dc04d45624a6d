package dev.millrace.server.wiring;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.server.config.ServerConfig;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * The kernels that a configuration asks for.
 *
 * @param kernels what computes
 * @param remark  what the user should know about the choice, if anything
 */
record KernelChoice(CpuKernels kernels, Optional<String> remark) {

    private static final String SLOWER = "computing with the scalar kernels, which are many times"
            + " slower: ";

    /**
     * A choice that was named is taken or fails; {@code auto} takes the native kernels where the
     * build made them for this processor, else the vector kernels, else the scalar ones, and says
     * why: slowness that nobody hears of is a billing bug. Naming a width of vectors asks for the
     * vector kernels.
     *
     * @throws KernelException if what was named cannot run here; says what to do
     */
    static KernelChoice of(ServerConfig config) {
        return of(config, CpuKernels::nativeTwin,
                bits -> bits == 0 ? CpuKernels.vector() : CpuKernels.vector(bits));
    }

    /** @param nativeTwin from a width of vectors, as {@code vector}; 0 for the widest */
    static KernelChoice of(ServerConfig config, IntFunction<CpuKernels> nativeTwin,
            IntFunction<CpuKernels> vector) {
        int bits = config.vectorBits();
        return switch (config.kernels()) {
            case "scalar" -> new KernelChoice(CpuKernels.scalar(), Optional.empty());
            case "vector" -> new KernelChoice(vector.apply(bits), Optional.empty());
            case "native" -> new KernelChoice(nativeTwin.apply(bits), Optional.empty());
            default -> bits == 0
                    ? automatic(nativeTwin, vector)
                    : new KernelChoice(vector.apply(bits), Optional.empty());
        };
    }

    private static KernelChoice automatic(IntFunction<CpuKernels> nativeTwin,
            IntFunction<CpuKernels> vector) {
        String noNative;
        try {
            return new KernelChoice(nativeTwin.apply(0), Optional.of(
                    "native kernels are the fastest here and round activations to 8 bits;"
                            + " --kernels=vector does not round them"));
        } catch (KernelException e) {
            noNative = e.getMessage();
        }
        try {
            return new KernelChoice(vector.apply(0), Optional.of(noNative));
        } catch (KernelException e) {
            return new KernelChoice(CpuKernels.scalar(), Optional.of(SLOWER + e.getMessage()));
        }
    }
}

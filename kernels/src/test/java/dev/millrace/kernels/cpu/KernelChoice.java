package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KernelException;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** The kernels that every contract test runs on; what the machine lacks is skipped. */
enum KernelChoice {
    SCALAR(0, null),
    VECTOR_128(128, null),
    VECTOR_256(256, null),
    VECTOR_512(512, null),
    NATIVE_AVX2(0, NativeVariant.AVX2),
    NATIVE_AVX_VNNI(0, NativeVariant.AVX_VNNI),
    NATIVE_AVX512_VNNI(0, NativeVariant.AVX512_VNNI),
    NATIVE_NEON_DOTPROD(0, NativeVariant.NEON_DOTPROD);

    private final int bits;
    private final NativeVariant variant;

    KernelChoice(int bits, NativeVariant variant) {
        this.bits = bits;
        this.variant = variant;
    }

    /** Whether products with quantised weights round activations to bytes. */
    boolean roundsActivations() {
        return variant != null;
    }

    CpuKernels open() {
        if (variant != null) {
            return openNative(variant);
        }
        if (bits == 0) {
            return CpuKernels.scalar();
        }
        Assumptions.assumeTrue(bits <= VectorWidth.preferredBits(),
                "this machine's vectors are " + VectorWidth.preferredBits() + " bits wide");
        return CpuKernels.vector(bits);
    }

    static CpuKernels openNative(NativeVariant variant) {
        requireVariant(variant);
        return new NativeKernels(variant, VectorWidth.preferredBits());
    }

    /** Skips a test where the processor, or the compiler of this build, knows no such variant. */
    static void requireVariant(NativeVariant variant) {
        List<NativeVariant> variants = List.of();
        String reason = "this processor cannot run " + variant.label();
        try {
            variants = NativeFunctions.variants();
        } catch (KernelException e) {
            reason = e.getMessage();
        }
        Assumptions.assumeTrue(variants.contains(variant), reason);
    }
}

package dev.millrace.kernels.cpu;

import org.junit.jupiter.api.Assumptions;

/** The kernels that every contract test runs on; widths that the machine lacks are skipped. */
enum KernelChoice {
    SCALAR(0),
    VECTOR_128(128),
    VECTOR_256(256),
    VECTOR_512(512);

    private final int bits;

    KernelChoice(int bits) {
        this.bits = bits;
    }

    CpuKernels open() {
        if (bits == 0) {
            return CpuKernels.scalar();
        }
        Assumptions.assumeTrue(bits <= VectorWidth.preferredBits(),
                "this machine's vectors are " + VectorWidth.preferredBits() + " bits wide");
        return CpuKernels.vector(bits);
    }
}

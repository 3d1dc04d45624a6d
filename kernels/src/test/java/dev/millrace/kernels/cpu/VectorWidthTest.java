package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KernelException;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class VectorWidthTest {

    @Test
    void prefersTheMachinesWidth() {
        CpuKernels kernels = CpuKernels.vector();
        assertThat(kernels.name()).isEqualTo("vector");
        assertThat(kernels.vectorBits()).isEqualTo(VectorWidth.preferredBits())
                .isIn(128, 256, 512);
        assertThat(CpuKernels.vector(128).vectorBits()).isEqualTo(128);
        assertThat(CpuKernels.scalar().vectorBits()).isZero();
    }

    /** What was compiled for one model serves the next. */
    @Test
    void makesKernelsOfAWidthOnce() {
        assertThat(VectorWidth.specialise(VectorTileKernels.class, TileKernels.class, 128))
                .isSameAs(VectorWidth.specialise(VectorTileKernels.class, TileKernels.class,
                        128));
    }

    @Test
    void refusesAWidthThatDoesNotExist() {
        assertThatIllegalArgumentException().isThrownBy(() -> CpuKernels.vector(64))
                .withMessageContaining("128, 256 or 512").withMessageContaining("64");
    }

    @Test
    void refusesAWidthThatTheMachineLacks() {
        Assumptions.assumeTrue(VectorWidth.preferredBits() < 512, "this machine has every width");
        assertThatExceptionOfType(KernelException.class).isThrownBy(() -> CpuKernels.vector(512))
                .withMessageContaining("asked for 512");
    }
}

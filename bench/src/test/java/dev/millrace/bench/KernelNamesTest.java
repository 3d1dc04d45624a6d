package dev.millrace.bench;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cpu.CpuKernels;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class KernelNamesTest {

    @Test
    void opensKernelsByName() {
        assertThat(KernelNames.of("scalar").name()).isEqualTo("scalar");
        assertThat(KernelNames.of("vector").name()).isEqualTo("vector");
        assertThat(KernelNames.of("vector-128").vectorBits()).isEqualTo(128);
    }

    @Test
    void opensNativeKernelsByTheirInstructions() {
        CpuKernels fastest;
        try {
            fastest = KernelNames.of("native");
        } catch (KernelException e) {
            assertThatExceptionOfType(KernelException.class)
                    .isThrownBy(() -> KernelNames.of("native-avx2"));
            return;
        }
        String instructions = fastest.instructions().toLowerCase().replaceAll("[ -]", "");
        assertThat(KernelNames.of("native-" + instructions).instructions())
                .isEqualTo(fastest.instructions());
        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> KernelNames.of("native-amx"))
                .withMessageContaining(fastest.instructions());
    }

    @Test
    void saysWhatNamesThereAre() {
        assertThatIllegalArgumentException().isThrownBy(() -> KernelNames.of("vector-1024"))
                .withMessageContaining("native");
    }
}

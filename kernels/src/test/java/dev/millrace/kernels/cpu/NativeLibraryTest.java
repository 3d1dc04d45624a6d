package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.QuantFormat;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/** Whatever is missing, the native kernels say what it is and what to do. */
class NativeLibraryTest {

    private static final int ALL = (1 << NativeVariant.values().length) - 1;

    @Test
    void theBuildPutsALibraryInPlaceForEachSystemAndProcessor() {
        assertThat(NativeLibrary.resource("Linux", "amd64"))
                .isEqualTo("/native/linux-x86_64/libmillrace_kernels.so");
        assertThat(NativeLibrary.resource("Linux", "aarch64"))
                .isEqualTo("/native/linux-aarch64/libmillrace_kernels.so");
        assertThat(NativeLibrary.resource("Mac OS X", "aarch64"))
                .isEqualTo("/native/macos-aarch64/libmillrace_kernels.dylib");
        assertThat(NativeLibrary.resource("Mac OS X", "x86_64"))
                .isEqualTo("/native/macos-x86_64/libmillrace_kernels.dylib");
    }

    @Test
    void anotherSystemOrProcessorIsNamed() {
        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> NativeLibrary.resource("Windows 11", "amd64"))
                .withMessageContaining("Windows 11 on amd64")
                .withMessageContaining("use the vector kernels");
        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> NativeLibrary.resource("Linux", "riscv64"))
                .withMessageContaining("Linux on riscv64");
    }

    @Test
    void aBuildWithoutACompilerIsTheReason() {
        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> NativeLibrary.load("/native/none.so"))
                .withMessageContaining("/native/none.so").withMessageContaining("C compiler");
    }

    @Test
    void anotherVersionIsRefused() {
        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> NativeFunctions.checkVersion(0))
                .withMessageContaining("version (0, not ").withMessageContaining("build");
    }

    @Test
    void theFastestVariantThatWasBuiltAndRunsIsTheLast() {
        int avx = 1 << NativeVariant.AVX2.ordinal() | 1 << NativeVariant.AVX_VNNI.ordinal();
        assertThat(NativeFunctions.variants(ALL, avx)).containsExactly(NativeVariant.AVX2,
                NativeVariant.AVX_VNNI);
        assertThat(NativeFunctions.variants(avx, ALL)).last().isEqualTo(NativeVariant.AVX_VNNI);
    }

    @Test
    void aProcessorWithoutTheInstructionsIsTheReason() {
        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> NativeFunctions.variants(ALL, 0))
                .withMessageContaining("built for AVX2, AVX-VNNI, AVX-512 VNNI, NEON")
                .withMessageContaining("this processor has none of them")
                .withMessageContaining("use the vector kernels");
    }

    @Test
    void bothSidesLayOutMatricesAlike() {
        KernelChoice.requireVariant(NativeFunctions.variants().getLast());
        for (QuantFormat format : QuantFormat.values()) {
            if (NativeLayout.holds(format)) {
                for (int units : new int[]{8, 16, format.blockElements() == 32 ? 11 : 24}) {
                    NativeLayout layout = new NativeLayout(format, units * 32);
                    assertThat(layout.tileBytes()).as("%s, %d units", format, units)
                            .isEqualTo(NativeFunctions.tileBytes(layout));
                    assertThat(layout.panelBytes()).as("%s, %d units", format, units)
                            .isEqualTo(NativeFunctions.panelBytes(layout));
                }
            }
        }
    }
}

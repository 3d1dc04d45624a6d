package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cuda.nvrtc.CompiledKernels;
import dev.millrace.kernels.cuda.nvrtc.Nvrtc;
import dev.millrace.kernels.cuda.nvrtc.StandInNvrtc;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** Where a device's kernels come from in a build that made none for it. */
class KernelImagesTest {

    /** Of a generation that no build makes kernels for, but the stand-in does. */
    private static final CudaDeviceInfo LATER = device(119);
    private static final CudaDeviceInfo TOMORROWS = device(990);

    @TempDir
    Path folder;

    private static CudaDeviceInfo device(int capability) {
        return new CudaDeviceInfo(0, "GPU of tomorrow", capability, 8L << 30, 13_000);
    }

    private byte[] find(CudaDeviceInfo device, Supplier<Optional<Nvrtc>> compiler) {
        return KernelImages.find(device, new CompiledKernels(folder, text -> {}), compiler);
    }

    @Test
    void withoutKernelsAndWithoutACompilerItSaysWhatToDo() {
        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> find(TOMORROWS, () -> Nvrtc.find("libnvrtc.so.nosuch")))
                .withMessage("this build has no kernels for compute capability 99.0 (the GPU of"
                        + " tomorrow), and libnvrtc.so.13, which would compile them, is not there:"
                        + " install cuda-nvrtc-13-0 and see that the loader finds it"
                        + " (LD_LIBRARY_PATH), or build with mvn -Pcuda package where nvcc of CUDA"
                        + " 13 is on the PATH");
    }

    @Test
    void kernelsAreCompiledForTheLatestArchitectureThatTheDeviceRuns() {
        Optional<Nvrtc> compiler = Optional.of(StandInNvrtc.load());

        byte[] image = find(LATER, () -> compiler);

        assertThat(new String(image)).startsWith("image of sm_110, ");
        assertThat(find(LATER, () -> compiler)).isEqualTo(image);
    }

    @Test
    void anEmulatedDeviceRunsWhatWasCompiled() {
        CudaDeviceInfo device = EmulatedDriver.devices(1).getFirst();
        byte[] image = find(device(110), () -> Optional.of(StandInNvrtc.load()));

        try (CudaDevice opened = CudaDevice.open(device, image)) {
            assertThat(opened.freeBytes()).isPositive();
        }
    }

    @Test
    void aGenerationThatTheCompilerDoesNotKnowIsRefusedWithAdvice() {
        Optional<Nvrtc> compiler = Optional.of(StandInNvrtc.load());

        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> find(TOMORROWS, () -> compiler))
                .withMessage("this build has no kernels for compute capability 99.0 (the GPU of"
                        + " tomorrow), and NVRTC 13.0 does not compile for it: update cuda-nvrtc");
    }
}

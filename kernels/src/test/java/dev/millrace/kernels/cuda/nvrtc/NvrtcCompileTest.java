package dev.millrace.kernels.cuda.nvrtc;

import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** NVIDIA's own library takes the kernels, where it is installed. */
@Tag("proof")
class NvrtcCompileTest {

    @Test
    void nvrtcCompilesTheKernels() {
        Optional<Nvrtc> nvrtc = Nvrtc.find();
        Assumptions.assumeTrue(nvrtc.isPresent(), "there is no " + Nvrtc.LIBRARY);

        byte[] image = nvrtc.orElseThrow().compile(KernelSources.together(), 90);

        assertThat(image).startsWith(0x7f, 'E', 'L', 'F').hasSizeGreaterThan(100_000);
    }
}

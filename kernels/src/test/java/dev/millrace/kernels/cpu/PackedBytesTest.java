package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

class PackedBytesTest {

    /** Not a multiple of any tile, so that the last one is padded. */
    private static final int ROWS = 19;
    private static final int COLUMNS = 512;

    @ParameterizedTest
    @EnumSource(KernelChoice.class)
    void whatIsForetoldIsWhatPackingTakes(KernelChoice choice) {
        CpuKernels kernels = choice.open();
        try (WorkerPool pool = WorkerPool.create(1)) {
            for (QuantFormat format : QuantFormat.values()) {
                QuantTensor tensor = RandomTensors.matrix(format, ROWS, COLUMNS, 3);
                try (CpuMatrix packed = kernels.pack(tensor, pool)) {
                    assertThat(kernels.packedBytes(format, tensor.shape())).as("%s", format)
                            .isEqualTo(packed.bytes());
                }
            }
        }
    }

    @Test
    void nativePanelsAreNeverLargerThanForetold() {
        NativeVariant any = NativeVariant.AVX2;
        NativeKernels kernels = new NativeKernels(any, 128);
        for (int widest = 256; widest < 20_000; widest += 4864) {
            for (int columns = 256; columns <= widest; columns += 256) {
                for (QuantFormat format : QuantFormat.values()) {
                    if (NativeLayout.holds(format)) {
                        NativeLayout layout = new NativeLayout(format, columns);
                        assertThat(NativeKernels.panels(layout) * layout.panelBytes())
                                .isPositive().isLessThan(kernels.scratchBytes(widest));
                    }
                }
            }
        }
    }

    @Test
    void saysWhatAWeightTakes() {
        assertThat(CpuKernels.scalar().packedForm(QuantFormat.Q4_K)).contains("file");
        assertThat(new VectorKernels(128).packedForm(QuantFormat.Q4_K))
                .isEqualTo("4-bit codes, coded scales: 4.75 bits per weight");
        assertThat(new NativeKernels(NativeVariant.AVX2, 128)
                .packedForm(QuantFormat.Q4_K))
                .isEqualTo("4-bit codes, coded scales: 4.63 bits per weight");
    }
}

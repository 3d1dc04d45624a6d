package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

class PackedBytesTest {

    /** Not a multiple of any tile, so that the last one is padded. */
    private static final int ROWS = 19;
    private static final int COLUMNS = 512;

    @ParameterizedTest
    @EnumSource(QuantFormat.class)
    void whatIsForetoldIsWhatPackingTakes(QuantFormat format) {
        QuantTensor tensor = RandomTensors.matrix(format, ROWS, COLUMNS, 3);
        try (WorkerPool pool = WorkerPool.create(1);
                CpuMatrix packed = KernelChoice.VECTOR_512.open().pack(tensor, pool)) {
            assertThat(CpuKernels.packedBytes(format, tensor.shape())).isEqualTo(packed.bytes());
        }
    }
}

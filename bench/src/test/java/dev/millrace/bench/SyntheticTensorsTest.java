package dev.millrace.bench;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.lang.foreign.Arena;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

class SyntheticTensorsTest {

    private static final int ROWS = 4;
    private static final int COLUMNS = 512;

    @ParameterizedTest
    @EnumSource(QuantFormat.class)
    void weightsAreFiniteAndNeitherAllZeroNorHuge(QuantFormat format) {
        try (Arena arena = Arena.ofShared(); WorkerPool pool = WorkerPool.create(1)) {
            QuantTensor tensor = SyntheticTensors.matrix(arena, format, ROWS, COLUMNS, 7);
            float[] row = new float[COLUMNS];
            float largest = 0;
            try (var matrix = CpuKernels.scalar().pack(tensor, pool)) {
                for (int i = 0; i < ROWS; i++) {
                    CpuKernels.scalar().copyRow(matrix, i, row, 0);
                    for (float weight : row) {
                        assertThat(weight).isFinite();
                        largest = Math.max(largest, Math.abs(weight));
                    }
                }
            }
            assertThat(largest).isBetween(0.01f, 100f);
        }
    }
}

package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** A matrix that is made of another's bytes is that matrix. */
class KeptMatrixTest {

    private static final TensorShape SHAPE = TensorShape.matrix(37, 512);

    private static CpuKernels kernels() {
        try {
            return CpuKernels.nativeTwin();
        } catch (KernelException e) {
            return Assumptions.abort(e.getMessage());
        }
    }

    @Test
    void multipliesWithTheSameBits() {
        CpuKernels kernels = kernels();
        try (Arena arena = Arena.ofShared(); WorkerPool pool = WorkerPool.create(2)) {
            Activations x = kernels.openActivations(1, 512);
            for (int i = 0; i < 512; i++) {
                x.values()[i] = (float) Math.sin(i);
            }
            kernels.prepare(x, 0);
            for (QuantFormat format : QuantFormat.values()) {
                if (!NativeLayout.holds(format)) {
                    continue;
                }
                QuantTensor tensor = RandomWeights.tensor(arena, format, SHAPE, 1, 7);
                float[] expected = new float[37];
                float[] actual = new float[37];
                try (CpuMatrix packed = kernels.pack(tensor, pool)) {
                    kernels.multiply(packed, x, 1, expected, 0, 37);
                    MemorySegment bytes = kernels.packedContent(packed).orElseThrow();
                    MemorySegment kept = arena.allocate(bytes.byteSize(), 64).copyFrom(bytes);
                    try (CpuMatrix restored = kernels.restore(format, SHAPE, kept)) {
                        assertThat(restored.bytes()).isEqualTo(packed.bytes())
                                .isEqualTo(kernels.packedBytes(format, SHAPE));
                        kernels.multiply(restored, x, 1, actual, 0, 37);
                        assertThat(actual).as("%s, borrowed", format).isEqualTo(expected);
                        kernels.own(restored);
                        kept.fill((byte) 0); // it has memory of its own now
                        kernels.multiply(restored, x, 1, actual, 0, 37);
                    }
                }
                assertThat(actual).as("%s", format).isEqualTo(expected);
            }
        }
    }

    @Test
    void refusesBytesThatCannotBeIt() {
        CpuKernels kernels = kernels();
        try (Arena arena = Arena.ofConfined()) {
            long bytes = kernels.packedBytes(QuantFormat.Q8_0, SHAPE);
            MemorySegment memory = arena.allocate(bytes + 64, 64);

            assertThatThrownBy(() -> kernels.restore(QuantFormat.Q8_0, SHAPE, memory))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(bytes + " bytes");
            assertThatThrownBy(() -> kernels.restore(QuantFormat.Q8_0, SHAPE,
                    memory.asSlice(4, bytes))).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> kernels.restore(QuantFormat.F16, SHAPE, memory))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("F16");
        }
    }

    @Test
    void onlyTheNativeKernelsKeepMatrices() {
        CpuKernels scalar = CpuKernels.scalar();
        assertThat(scalar.packedLayout()).isEmpty();
        assertThatThrownBy(() -> scalar.restore(QuantFormat.Q8_0, SHAPE, MemorySegment.NULL))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("scalar");
        assertThatThrownBy(() -> scalar.own(null)).isInstanceOf(IllegalArgumentException.class);
        assertThat(kernels().packedLayout().orElseThrow()).contains("library");
    }
}

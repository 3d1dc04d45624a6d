package dev.millrace.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class QuantTensorTest {

    private final QuantTensor bank = RandomWeights.tensor(Arena.ofAuto(), QuantFormat.Q4_0,
            new TensorShape(3, 5, 64), 1, 1);

    @Test
    void aPlaneAndItsRowsAreViewsOfTheSameBytes() {
        QuantTensor plane = bank.plane(2);
        assertThat(plane.shape()).isEqualTo(TensorShape.matrix(5, 64));
        assertThat(plane.data().address()).isEqualTo(bank.data().address() + 2 * 5 * 36);
        QuantTensor rows = plane.rows(1, 3);
        assertThat(rows.shape()).isEqualTo(TensorShape.matrix(3, 64));
        assertThat(rows.data().address()).isEqualTo(plane.data().address() + 36);
        assertThat(rows.data().byteSize()).isEqualTo(3 * 36);
    }

    @Test
    void partsThatAreNotThereAreRefused() {
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> bank.plane(3));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> bank.plane(0).rows(4, 2));
        assertThatIllegalArgumentException().isThrownBy(() -> bank.rows(0, 1))
                .withMessageContaining("3 x 5 x 64");
        MemorySegment scales = MemorySegment.ofArray(new float[5]);
        QuantTensor apart = new QuantTensor(QuantFormat.Q4_0, TensorShape.matrix(5, 64),
                bank.plane(0).data(), scales, null, null);
        assertThatIllegalArgumentException().isThrownBy(() -> apart.rows(0, 1))
                .withMessageContaining("kept apart");
    }
}

package dev.millrace.bench;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class MatrixShapeTest {

    @Test
    void aShapeIsOutputsTimesInputs() {
        MatrixShape shape = MatrixShape.parse("128256x2048");
        assertThat(shape).isEqualTo(new MatrixShape(128256, 2048)).hasToString("128256x2048");
        assertThat(shape.macs(16)).isEqualTo(128256L * 2048 * 16);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "4096", "4096x", "0x4", "-1x4", "4x4x4", "axb", "4 x 4"})
    void anythingElseIsRefused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> MatrixShape.parse(text))
                .withMessage("a shape is outputs x inputs, such as 4096x2048, got \"" + text
                        + "\"");
    }
}

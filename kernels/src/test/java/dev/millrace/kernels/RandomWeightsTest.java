package dev.millrace.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

class RandomWeightsTest {

    private static final int ROWS = 16;
    private static final int COLUMNS = 1024;
    private static final float DEVIATION = 0.03f;

    @ParameterizedTest
    @EnumSource(QuantFormat.class)
    void weightsDeviateByWhatIsAskedForAroundZero(QuantFormat format) {
        float[] weights = new float[ROWS * COLUMNS];
        try (Arena arena = Arena.ofConfined()) {
            QuantTensor tensor = RandomWeights.tensor(arena, format,
                    TensorShape.matrix(ROWS, COLUMNS), DEVIATION, 7);
            new Dequantizer(format).dequantize(tensor, 0, weights.length, weights, 0);
        }
        double sum = 0;
        double squares = 0;
        for (float weight : weights) {
            assertThat(weight).isFinite();
            sum += weight;
            squares += weight * weight;
        }
        assertThat(Math.sqrt(squares / weights.length))
                .isCloseTo(DEVIATION, within(0.1 * DEVIATION));
        assertThat(sum / weights.length).isCloseTo(0, within(0.1 * DEVIATION));
    }

    @ParameterizedTest
    @EnumSource(QuantFormat.class)
    void theSameSeedGivesTheSameBytesAndAnotherGivesOthers(QuantFormat format) {
        assertThat(bytes(format, 1)).isEqualTo(bytes(format, 1)).isNotEqualTo(bytes(format, 2));
    }

    private static byte[] bytes(QuantFormat format, long seed) {
        byte[] bytes = new byte[5 * format.blockBytes()];
        new RandomWeights(format, 0, DEVIATION, seed).fill(MemorySegment.ofArray(bytes));
        return bytes;
    }

    @Test
    void plainFloatsHaveAMean() {
        float[] norms = new float[1000];
        new RandomWeights(QuantFormat.F32, 1, 0.1f, 3).fill(MemorySegment.ofArray(norms));
        for (float norm : norms) {
            assertThat(norm).isBetween(0.8f, 1.2f);
        }
    }

    @Test
    void blocksHaveNoMean() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new RandomWeights(QuantFormat.Q8_0, 1, 0.1f, 3))
                .withMessage("weights of Q8_0 are random around 0, got a mean of 1.0");
    }
}

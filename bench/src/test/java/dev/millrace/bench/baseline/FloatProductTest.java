package dev.millrace.bench.baseline;

import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

class FloatProductTest {

    private static final int ROWS = 3;
    private static final int INPUTS = 37;
    private static final int OUTPUTS = 21;

    @BeforeAll
    static void assumeLibraries() {
        NativeLibraries.assume();
    }

    @ParameterizedTest
    @EnumSource(FloatLibrary.class)
    void aLibraryMultipliesByTheWeightThatIsAskedFor(FloatLibrary library) {
        Random random = new Random(5);
        float[] x = floats(random, ROWS * INPUTS);
        float[] other = floats(random, OUTPUTS * INPUTS);
        float[] weight = floats(random, OUTPUTS * INPUTS);
        try (FloatProduct product = library.open(x, ROWS, INPUTS, OUTPUTS, 1)) {
            product.addWeight(other);
            product.addWeight(weight);
            product.multiply(0);
            product.multiply(1);
            float[] y = product.output();
            for (int i = 0; i < y.length; i++) {
                double expected = 0;
                for (int k = 0; k < INPUTS; k++) {
                    expected += (double) x[i / OUTPUTS * INPUTS + k]
                            * weight[i % OUTPUTS * INPUTS + k];
                }
                assertThat((double) y[i]).as("output %d", i).isCloseTo(expected, within(1e-4));
            }
        }
    }

    private static float[] floats(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}

package dev.millrace.kernels.quantize;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/** Reads back what was quantised, by the dequantiser that agrees with ggml's bit for bit. */
class QuantizerTest {

    private static final int ELEMENTS = 256 * 256;
    private static final long SEED = 99;

    /** Weights as models have them: normal, with some outliers, a different size per row. */
    private static float[] weights() {
        Random random = new Random(SEED);
        float[] x = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            double size = 0.02 * (1 + i / 4096 % 4);
            double value = random.nextGaussian() * size;
            x[i] = (float) (random.nextInt(200) == 0 ? 4 * value : value);
        }
        return x;
    }

    private static float[] roundTrip(QuantFormat format, float[] x, float[] importance) {
        MemorySegment data = MemorySegment.ofArray(new byte[(int) format.rowBytes(x.length)]);
        new Quantizer(format).quantize(x, 0, x.length, importance, 0, data, 0);
        float[] back = new float[x.length];
        new Dequantizer(format).dequantize(data, 0, x.length, back, 0);
        return back;
    }

    /** The root of the squares of errors over that of the squares of elements. */
    private static double error(float[] x, float[] back, float[] importance) {
        double errors = 0;
        double squares = 0;
        for (int i = 0; i < x.length; i++) {
            double weight = importance == null ? 1 : importance[i];
            errors += weight * (x[i] - back[i]) * (x[i] - back[i]);
            squares += weight * x[i] * x[i];
        }
        return Math.sqrt(errors / squares);
    }

    /** Rounds to even grids that span each group, with factors that cost no bits at all. */
    private static float[] rounded(float[] x, int groupElements, int codes, boolean signed) {
        float[] back = new float[x.length];
        for (int first = 0; first < x.length; first += groupElements) {
            float low = 0;
            float high = 0;
            float peak = 0;
            for (int i = first; i < first + groupElements; i++) {
                low = Math.min(low, x[i]);
                high = Math.max(high, x[i]);
                peak = Math.abs(x[i]) > Math.abs(peak) ? x[i] : peak;
            }
            float scale = signed ? peak / (-codes / 2) : (high - low) / (codes - 1);
            for (int i = first; i < first + groupElements; i++) {
                back[i] = signed
                        ? scale * Math.clamp(Math.round(x[i] / scale), -codes / 2, codes / 2 - 1)
                        : scale * Math.round((x[i] - low) / scale) + low;
            }
        }
        return back;
    }

    /** Format, largest relative error, elements in a group, codes, whether around zero. */
    static Stream<Arguments> blockFormats() {
        return Stream.of(
                arguments(QuantFormat.Q8_0, 0.0059, 32, 255, true),
                arguments(QuantFormat.Q6_K, 0.019, 16, 64, true),
                arguments(QuantFormat.Q5_1, 0.0356, 32, 32, false),
                arguments(QuantFormat.Q5_K, 0.0377, 32, 32, false),
                arguments(QuantFormat.Q5_0, 0.0444, 32, 32, true),
                arguments(QuantFormat.Q4_1, 0.0737, 32, 16, false),
                arguments(QuantFormat.Q4_K, 0.0753, 32, 16, false),
                arguments(QuantFormat.Q4_0, 0.0886, 32, 16, true),
                arguments(QuantFormat.IQ4_NL, 0.0809, 32, 16, true),
                arguments(QuantFormat.MXFP4, 0.1162, 32, 16, true),
                arguments(QuantFormat.Q3_K, 0.1605, 16, 8, true),
                arguments(QuantFormat.Q2_K, 0.283, 16, 4, false));
    }

    @ParameterizedTest
    @MethodSource("blockFormats")
    void losesLittleAndLessThanRounding(QuantFormat format, double mostError, int groupElements,
            int codes, boolean signed) {
        float[] x = weights();
        double error = error(x, roundTrip(format, x, null), null);
        double rounding = error(x, rounded(x, groupElements, codes, signed), null);
        assertThat(error).isLessThan(mostError);
        if (format != QuantFormat.MXFP4) { // whose grid is uneven, and its scale a power of two
            assertThat(error).isLessThan(rounding);
        }
    }

    @ParameterizedTest
    @MethodSource("blockFormats")
    void importanceMovesTheErrorToWhatMattersLess(QuantFormat format) {
        float[] x = weights();
        Random random = new Random(SEED);
        float[] importance = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            importance[i] = (float) Math.exp(2 * random.nextGaussian());
        }
        double blind = error(x, roundTrip(format, x, null), importance);
        double guided = error(x, roundTrip(format, x, importance), importance);
        if (format == QuantFormat.Q8_0) { // which leaves nothing to choose
            assertThat(guided).isEqualTo(blind);
        } else {
            assertThat(guided).isLessThan(0.99 * blind);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void roundsFloatsToTheNearest(QuantFormat format) {
        float[] x = {0, 1, -2.5f, 1 + 0x1p-11f, 1 + 0x1.8p-10f, 1 + 0x1p-8f, 1 + 0x1.8p-7f,
            65504, -0f, 0x1p-20f};
        float[] expected = switch (format) {
            case F16 -> new float[]{0, 1, -2.5f, 1, 1 + 0x1p-9f, 1 + 0x1p-8f, 1 + 0x1.8p-7f, 65504,
                -0f, 0x1p-20f};
            case BF16 -> new float[]{0, 1, -2.5f, 1, 1, 1, 1 + 0x1p-6f, 65536, -0f, 0x1p-20f};
            default -> x;
        };
        assertThat(roundTrip(format, x, null)).containsExactly(expected);
    }

    static Stream<QuantFormat> formats() {
        return Quantizer.targets().stream();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void whatIsEqualStaysSo(QuantFormat format) {
        for (float zero : roundTrip(format, new float[512], null)) {
            assertThat(zero).isEqualTo(0f);
        }
        float[] flat = new float[512];
        Arrays.fill(flat, 256, 512, -0.75f);
        float[] back = roundTrip(format, flat, new float[512]);
        for (int i = 256; i < 512; i++) {
            assertThat(back[i]).isCloseTo(-0.75f, offset(0.02f));
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void refusesWhatIsNotFinite(QuantFormat format) {
        for (float bad : new float[]{Float.NaN, Float.NEGATIVE_INFINITY}) {
            float[] x = new float[256];
            x[100] = bad;
            assertThatThrownBy(() -> roundTrip(format, x, null))
                    .isInstanceOf(QuantizationException.class)
                    .hasMessageContaining("cannot be quantised to " + format);
        }
    }

    @Test
    void everyTargetIsAFormatThatTheDequantizerReads() {
        assertThat(Quantizer.targets()).allSatisfy(format -> {
            if (format.blockElements() > 1) {
                assertThat(QuantBlock.of(format)).isNotNull();
            }
        }).hasSize(15);
        assertThatThrownBy(() -> new Quantizer(QuantFormat.IQ2_XXS))
                .isInstanceOf(IllegalArgumentException.class);
    }
}

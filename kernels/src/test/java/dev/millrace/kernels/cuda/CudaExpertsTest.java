package dev.millrace.kernels.cuda;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.cuda.CudaKernels.Between;
import dev.millrace.kernels.cuda.CudaKernels.Routes;
import dev.millrace.kernels.cuda.CudaProduct.Part;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** Mixtures of experts on the emulated device: who goes where, the products, and their sum. */
class CudaExpertsTest extends OnEmulatedDevice {

    private static final int WIDTH = 96;

    private static Routes routes(DeviceScope scope, int tokens, int experts, int ranks) {
        long pairs = 4L * tokens * ranks;
        return new Routes(scope.allocate(pairs), scope.allocate(pairs),
                scope.allocate(4L * experts + 4), scope.allocate(pairs), scope.allocate(pairs));
    }

    @ParameterizedTest
    @CsvSource({"1, 4, 1, true", "9, 5, 2, true", "7, 40, 8, false", "300, 3, 3, false"})
    void tokensGoToTheLargestLogits(int tokens, int experts, int ranks, boolean normalised) {
        float[] logits = DeviceScope.gaussians(tokens * experts, experts);
        if (experts > 3) {
            logits[1] = logits[3] = 5; // a tie goes to the first
        }
        try (DeviceScope scope = new DeviceScope(device)) {
            Routes routes = routes(scope, tokens, experts, ranks);
            kernels.route(scope.upload(logits), routes, tokens, experts, ranks, normalised);

            int[] chosen = scope.ints(routes.chosen(), tokens * ranks);
            float[] weights = scope.floats(routes.weights(), tokens * ranks);
            int[] firstRows = scope.ints(routes.firstRows(), experts + 1);
            int[] rowTokens = scope.ints(routes.rowTokens(), tokens * ranks);
            int[] rows = scope.ints(routes.rows(), tokens * ranks);
            for (int token = 0; token < tokens; token++) {
                int first = token * experts;
                List<Integer> expected = IntStream.range(0, experts).boxed().sorted(Comparator
                        .comparingDouble(i -> -logits[first + i])).limit(ranks).toList();
                double sum = (normalised ? expected.stream() : IntStream.range(0, experts).boxed())
                        .mapToDouble(i -> Math.exp(logits[first + i])).sum();
                for (int rank = 0; rank < ranks; rank++) {
                    int at = token * ranks + rank;
                    assertThat(chosen[at]).as("token %d", token).isEqualTo(expected.get(rank));
                    assertThat((double) weights[at]).isCloseTo(
                            Math.exp(logits[first + chosen[at]]) / sum, within(1e-6));
                    assertThat(rowTokens[rows[at]]).isEqualTo(token);
                    assertThat(rows[at]).isBetween(firstRows[chosen[at]],
                            firstRows[chosen[at] + 1] - 1);
                }
            }
            assertThat(firstRows[0]).isZero();
            assertThat(firstRows[experts]).isEqualTo(tokens * ranks);
            assertThat(rows).doesNotHaveDuplicates();
        }
    }

    @ParameterizedTest
    @CsvSource({"5, 3, 2, false", "12, 4, 1, true", "40, 2, 2, true", "90, 5, 2, false"})
    void expertsMultiplyTheirTokensAndAreAddedUp(int tokens, int experts, int ranks,
            boolean shared) {
        float[] logits = DeviceScope.gaussians(tokens * experts, 1);
        float[] x = DeviceScope.gaussians(tokens * WIDTH, 2);
        float[] before = DeviceScope.gaussians(tokens * WIDTH, 3);
        float[] sharedLogits = DeviceScope.gaussians(tokens, 4);
        List<QuantTensor> tensors = new ArrayList<>();
        try (DeviceScope scope = new DeviceScope(device); Arena arena = Arena.ofShared()) {
            Routes routes = routes(scope, tokens, experts, ranks);
            kernels.route(scope.upload(logits), routes, tokens, experts, ranks, true);
            long outputs = scope.allocate(4L * tokens * ranks * WIDTH);
            List<Part> parts = new ArrayList<>();
            for (int expert = 0; expert < experts; expert++) {
                tensors.add(RandomWeights.tensor(arena, QuantFormat.Q8_0,
                        TensorShape.matrix(WIDTH, WIDTH), 0.1f, expert));
                parts.add(new Part(scope.matrix(tensors.getLast(), pool), 0, outputs));
            }
            PreparedRows prepared = scope.prepared(tokens, WIDTH);
            kernels.addAndNorm(new Between(scope.upload(x), 0, 1, 0, 0, 0, WIDTH), tokens,
                    prepared);
            kernels.multiplyExperts(scope.product(parts), experts, routes.firstRows(),
                    routes.rowTokens(), prepared, tokens * ranks, tokens);
            long branch = scope.upload(before);
            kernels.mix(outputs, routes, shared ? scope.upload(sharedLogits) : 0, branch, tokens,
                    WIDTH, ranks);

            int[] chosen = scope.ints(routes.chosen(), tokens * ranks);
            float[] weights = scope.floats(routes.weights(), tokens * ranks);
            float[] sums = scope.floats(branch, tokens * WIDTH);
            float[] row = new float[WIDTH];
            for (int token = 0; token < tokens; token++) {
                for (int i = 0; i < WIDTH; i++) {
                    double expected = shared
                            ? before[token * WIDTH + i] / (1 + Math.exp(-sharedLogits[token]))
                            : 0;
                    for (int rank = 0; rank < ranks; rank++) {
                        QuantTensor weight = tensors.get(chosen[token * ranks + rank]);
                        new Dequantizer(QuantFormat.Q8_0).dequantize(weight, (long) i * WIDTH,
                                WIDTH, row, 0);
                        double product = 0;
                        for (int column = 0; column < WIDTH; column++) {
                            product += (double) row[column] * x[token * WIDTH + column];
                        }
                        expected += weights[token * ranks + rank] * product;
                    }
                    assertThat((double) sums[token * WIDTH + i]).as("element %d of token %d", i,
                            token).isCloseTo(expected, within(1e-5));
                }
            }
        }
    }
}

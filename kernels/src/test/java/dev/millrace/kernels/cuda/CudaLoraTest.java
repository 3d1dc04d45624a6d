package dev.millrace.kernels.cuda;

import dev.millrace.kernels.cuda.CudaKernels.Between;
import dev.millrace.kernels.cuda.CudaLora.Pair;
import dev.millrace.kernels.cuda.CudaLora.Projections;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.*;

/** What adapters add to projections on the emulated device, against sums in double. */
class CudaLoraTest extends OnEmulatedDevice {

    private static final int TOKENS = 5;
    private static final int COLUMNS = 70;
    private static final int[] OUTPUTS = {300, 41};
    private static final int[] RANKS = {3, 17};
    private static final float[] SCALES = {0.5f, 2};
    private static final int[] CHOSEN = {1, -1, 0, 1, 0};

    private static float[] a(int adapter, int part) {
        return DeviceScope.gaussians(RANKS[adapter] * COLUMNS, 10 * adapter + part);
    }

    /** (rank, outputs) */
    private static float[] b(int adapter, int part) {
        return DeviceScope.gaussians(RANKS[adapter] * OUTPUTS[part], 50 + 10 * adapter + part);
    }

    /** The first adapter leaves the second projection as it is. */
    private static boolean changes(int adapter, int part) {
        return adapter == 1 || adapter == 0 && part == 0;
    }

    /** The table of an adapter, of which the projections are the second and the third. */
    private static long table(DeviceScope scope, int adapter) {
        MemorySegment table = MemorySegment.ofArray(new long[3 * Pair.BYTES / Long.BYTES]);
        for (int part = 0; part < 2; part++) {
            Pair pair = changes(adapter, part)
                    ? new Pair(scope.upload(a(adapter, part)), scope.upload(b(adapter, part)),
                            scope.allocate((long) TOKENS * RANKS[adapter] * Float.BYTES),
                            SCALES[adapter], RANKS[adapter], COLUMNS, OUTPUTS[part])
                    : Pair.NONE;
            pair.write(table, (1L + part) * Pair.BYTES);
        }
        return scope.upload(table.toArray(ValueLayout.JAVA_BYTE));
    }

    @ParameterizedTest
    @EnumSource
    void everyTokenGetsWhatItsOwnAdapterAdds(CudaActivations activations) {
        float[] x = DeviceScope.gaussians(TOKENS * COLUMNS, 1);
        float[][] before = {DeviceScope.gaussians(TOKENS * OUTPUTS[0], 2),
            DeviceScope.gaussians(TOKENS * OUTPUTS[1], 3)};
        try (DeviceScope scope = new DeviceScope(device)) {
            PreparedRows prepared = scope.prepared(TOKENS, COLUMNS, activations);
            kernels.addAndNorm(new Between(scope.upload(x), 0, 1, 0, 0, 0,
                    COLUMNS), TOKENS, prepared);
            long[] tables = {table(scope, 0), table(scope, 1)};
            long directory = scope.upload(MemorySegment.ofArray(tables)
                    .toArray(ValueLayout.JAVA_BYTE));
            long[] outs = {scope.upload(before[0]), scope.upload(before[1])};

            new CudaLora(device).add(new Projections(outs, OUTPUTS[0], 1), directory,
                    scope.upload(CHOSEN), prepared, COLUMNS, TOKENS);

            for (int part = 0; part < 2; part++) {
                float[] after = scope.floats(outs[part], TOKENS * OUTPUTS[part]);
                for (int token = 0; token < TOKENS; token++) {
                    check(part, token, RoundedActivations.of(x, COLUMNS, activations),
                            before[part], after);
                }
            }
        }
    }

    private static void check(int part, int token, float[] x, float[] before, float[] after) {
        int adapter = CHOSEN[token];
        int outputs = OUTPUTS[part];
        if (!changes(adapter, part)) {
            assertThat(Arrays.copyOfRange(after, token * outputs, (token + 1) * outputs))
                    .isEqualTo(Arrays.copyOfRange(before, token * outputs,
                            (token + 1) * outputs));
            return;
        }
        float[] a = a(adapter, part);
        float[] b = b(adapter, part);
        for (int output = 0; output < outputs; output++) {
            double sum = before[token * outputs + output];
            double magnitude = Math.abs(sum);
            for (int row = 0; row < RANKS[adapter]; row++) {
                for (int i = 0; i < COLUMNS; i++) {
                    double product = (double) SCALES[adapter] * b[row * outputs + output]
                            * a[row * COLUMNS + i] * x[token * COLUMNS + i];
                    sum += product;
                    magnitude += Math.abs(product);
                }
            }
            assertThat((double) after[token * outputs + output])
                    .as("part %d, token %d, output %d", part, token, output)
                    .isCloseTo(sum, within(1e-6 * magnitude));
        }
    }
}

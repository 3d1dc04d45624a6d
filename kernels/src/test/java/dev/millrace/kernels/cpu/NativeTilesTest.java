package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KvFormat;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static dev.millrace.kernels.cpu.CpuAttention.CHUNK_TOKENS;
import static dev.millrace.kernels.cpu.KvLayout.LANES;
import static dev.millrace.kernels.cpu.KvLayout.TILE_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;

/** Every variant's products with tiles of a cache, against a scalar twin: the same bits. */
@ParameterizedClass
@EnumSource
class NativeTilesTest {

    private static final int TILES = 3;
    private static final int ROWS = 8;
    private static final int COLUMN = 64;
    private static final int WEIGHT_STEPS = (1 << 14) - 1;

    @Parameter
    NativeVariant variant;

    private KvLayout layout;
    private CpuKvCache cache;
    private float[] queries;
    private NativeTiles tiles;

    /** A cache of three tiles; the last position's value is not finite. */
    private void open(int headSize) {
        KernelChoice.requireVariant(variant);
        layout = new KvLayout(KvFormat.Q8_0, headSize, true);
        cache = new CpuKvCache(layout, 1, 1, TILES * TILE_TOKENS, 1);
        float[] keys = RandomTensors.gaussians(TILES * TILE_TOKENS * headSize, 1);
        float[] values = RandomTensors.gaussians(TILES * TILE_TOKENS * headSize, 2);
        values[values.length - 1] = Float.POSITIVE_INFINITY;
        for (int token = 0; token < TILES * TILE_TOKENS; token++) {
            cache.store(0, 0, token, keys, values, token * headSize);
        }
        queries = new float[ROWS * layout.paddedSize()];
        for (int row = 0; row < ROWS; row++) {
            System.arraycopy(RandomTensors.gaussians(headSize, 10 + row), 0, queries,
                    row * layout.paddedSize(), headSize);
        }
        tiles = new NativeTiles(variant, layout, queries, ROWS);
    }

    private static float half(long address) {
        return Float.float16ToFloat(RawMemory.ALL.get(RawMemory.SHORT, address));
    }

    private static int code(long address) {
        return RawMemory.ALL.get(RawMemory.BYTE, address);
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 8, 24, 64, 80, 128})
    void scoresAsTheTwinDoes(int headSize) {
        open(headSize);
        try (CpuKvCache open = cache) {
            float[] scores = new float[ROWS * CHUNK_TOKENS];
            tiles.roundQueries(ROWS);
            for (int tile = 0; tile < TILES; tile++) {
                tiles.add(open.keyTile(0, 0, 0, tile * TILE_TOKENS));
            }

            tiles.score(ROWS, MemorySegment.ofArray(scores), COLUMN);

            float[] expected = new float[scores.length];
            for (int row = 0; row < ROWS; row++) {
                for (int token = 0; token < TILES * TILE_TOKENS; token++) {
                    expected[row * CHUNK_TOKENS + COLUMN + token] = score(row, token);
                }
            }
            assertThat(scores).isEqualTo(expected);
        }
    }

    private float score(int row, int token) {
        long tile = cache.keyTile(0, 0, 0, token);
        int lane = token % TILE_TOKENS;
        float score = 0;
        for (int first = 0; first < layout.headSize(); first += KvFormat.GROUP_ELEMENTS) {
            int past = Math.min(first + KvFormat.GROUP_ELEMENTS, layout.headSize());
            float largest = 0;
            for (int i = first; i < past; i++) {
                largest = Math.max(largest, Math.abs(queries[row * layout.paddedSize() + i]));
            }
            float inverse = 127 / largest;
            int dot = 0;
            for (int i = first; i < past; i++) {
                dot += (int) Math.rint(queries[row * layout.paddedSize() + i] * inverse)
                        * code(tile + layout.keyRow(i) + layout.laneOffset(lane));
            }
            score = Math.fma(dot * half(tile + layout.keyScales(first) + 2L * lane), largest / 127,
                    score);
        }
        return score;
    }

    /** Ranges that begin and end within a tile, and one that ends at what is not finite. */
    @ParameterizedTest
    @CsvSource({"4, 0, 95", "8, 0, 64", "24, 1, 2", "64, 5, 90", "80, 31, 33", "128, 0, 96"})
    void addsValuesAsTheTwinDoes(int headSize, int begin, int end) {
        open(headSize);
        try (CpuKvCache open = cache) {
            float[] weights = weights();
            float[] sums = RandomTensors.gaussians(ROWS * layout.paddedSize(), 4);
            float[] expected = sums.clone();
            for (int tile = 0; tile < TILES; tile++) {
                tiles.add(open.valueTile(0, 0, 0, tile * TILE_TOKENS));
                for (int row = 0; row < ROWS; row++) {
                    addTile(tile, row, begin, end, weights, expected);
                }
            }

            tiles.addValues(ROWS, begin, end, MemorySegment.ofArray(weights), COLUMN,
                    MemorySegment.ofArray(sums));

            assertThat(sums).isEqualTo(expected);
            if (end == TILES * TILE_TOKENS) {
                assertThat(sums).containsOnly(Float.NaN);
            }
        }
    }

    /** From nearly nothing to one; a row of zeros, and one that is next to zero. */
    private static float[] weights() {
        float[] weights = RandomTensors.gaussians(ROWS * CHUNK_TOKENS, 3);
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) Math.exp(-Math.abs(weights[i]) * (i % 7 + 1));
            weights[i] *= i / CHUNK_TOKENS == 1 ? 0 : i / CHUNK_TOKENS == 2 ? 1e-35f : 1;
        }
        return weights;
    }

    private void addTile(int tile, int row, int begin, int end, float[] weights, float[] sums) {
        long address = cache.valueTile(0, 0, 0, tile * TILE_TOKENS);
        float[] products = new float[TILE_TOKENS];
        float largest = 0;
        for (int i = 0; i < TILE_TOKENS; i++) {
            int token = tile * TILE_TOKENS + i;
            products[i] = token < begin || token >= end
                    ? 0
                    : weights[row * CHUNK_TOKENS + COLUMN + token] * half(address + 2L * i);
            largest = Math.max(largest, products[i]);
        }
        float step = Float.isFinite(largest) ? largest / WEIGHT_STEPS : Float.NaN;
        float inverse = largest < 0x1p-100f ? 0 : WEIGHT_STEPS / largest;
        for (int element = 0; element < layout.paddedSize(); element++) {
            int high = 0;
            int low = 0;
            for (int i = 0; i < TILE_TOKENS; i++) {
                int weight = (int) Math.rint(products[i] * inverse);
                int code = code(address + layout.valueRow(element / LANES, i)
                        + layout.laneOffset(element % LANES));
                high += (weight >> 7) * code;
                low += (weight & 127) * code;
            }
            int at = row * layout.paddedSize() + element;
            sums[at] = Math.fma(Math.fma(high, 128, (float) low), step, sums[at]);
        }
    }
}

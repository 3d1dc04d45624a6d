package dev.millrace.bench.attention;

import dev.millrace.bench.KernelNames;
import dev.millrace.bench.MachineLimits;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.AttentionRule;
import dev.millrace.kernels.cpu.CpuAttention;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuKvCache;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One layer's attention of the last positions of a sequence, with the heads of Llama 3.2 1B. The
 * layers of a cache take turns, so that it comes from memory as it does in a model.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class AttentionBenchmark {

    static final int KV_HEADS = 8;
    static final int GROUP_HEADS = 4;
    static final int HEAD_SIZE = 64;

    private static final int LAYERS = 16;
    private static final int BLOCK_TOKENS = 32;
    /** Blocks with elements of their own; the others are copies. */
    private static final int DISTINCT_BLOCKS = 8;
    private static final float SCALE = 0.125f;
    /** How far from the scalar kernels an element may be; values are of the order of one. */
    private static final float TOLERANCE = 1e-4f;
    /** The same where queries are rounded to bytes. */
    private static final float BYTES_TOLERANCE = 5e-2f;

    @Param("vector")
    public String kernels;

    @Param
    public KvFormat format;

    /** Positions in the cache. */
    @Param("8192")
    public int depth;

    /** How many of the last positions attend: 1 is decoding. */
    @Param("1")
    public int tokens;

    @Param("1")
    public int threads;

    private final AtomicInteger next = new AtomicInteger();
    private final WorkerPool.Task task = this::attend;
    private WorkerPool pool;
    private CpuKvCache cache;
    private CpuAttention[] attention; // (threads)
    private int[] blockTable;
    private float[] query; // (tokens, heads, head size)
    private float[] out;
    private float[] parts;
    private int stretchTokens;
    private int chunks;
    private int layer;

    @Setup(Level.Trial)
    public void prepare() {
        CpuKernels implementation = KernelNames.of(kernels);
        pool = WorkerPool.create(threads);
        Random random = new Random(1);
        fillCache(implementation, random);
        query = gaussians(random, tokens * KV_HEADS * GROUP_HEADS * HEAD_SIZE);
        out = new float[query.length];
        attention = new CpuAttention[threads];
        for (int i = 0; i < threads; i++) {
            attention[i] = open(implementation);
        }
        stretchTokens = Math.min(tokens, attention[0].tokenLimit());
        chunks = Math.ceilDiv(depth, CpuAttention.CHUNK_TOKENS);
        parts = new float[KV_HEADS * chunks * attention[0].partSize()];
        attend();
        checkAgainstScalar();
    }

    private CpuAttention open(CpuKernels implementation) {
        return implementation.openAttention(cache, GROUP_HEADS, new AttentionRule(0, SCALE));
    }

    private void fillCache(CpuKernels implementation, Random random) {
        int blocks = Math.ceilDiv(depth, BLOCK_TOKENS);
        cache = implementation.openCache(format, LAYERS, KV_HEADS, HEAD_SIZE, BLOCK_TOKENS,
                blocks);
        for (int i = 0; i < DISTINCT_BLOCKS * BLOCK_TOKENS && i < depth; i++) {
            float[] key = gaussians(random, KV_HEADS * HEAD_SIZE);
            float[] value = gaussians(random, KV_HEADS * HEAD_SIZE);
            for (int each = 0; each < LAYERS; each++) {
                implementation.store(cache, each, i / BLOCK_TOKENS, i % BLOCK_TOKENS, key, value,
                        0);
            }
        }
        blockTable = new int[blocks];
        for (int block = 0; block < blocks; block++) {
            blockTable[block] = block;
            if (block >= DISTINCT_BLOCKS) {
                cache.copy(block % DISTINCT_BLOCKS, block);
            }
        }
    }

    private static float[] gaussians(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** A fast wrong answer is not a result. */
    private void checkAgainstScalar() {
        float[] expected = new float[query.length];
        open(CpuKernels.scalar()).attend(0, 0, blockTable, depth - tokens, 1, query, 0, expected,
                0);
        float tolerance = kernels.startsWith("native") && format == KvFormat.Q8_0
                ? BYTES_TOLERANCE
                : TOLERANCE;
        for (int i = 0; i < GROUP_HEADS * HEAD_SIZE; i++) {
            if (!(Math.abs(expected[i] - out[i]) <= tolerance)) {
                throw new IllegalStateException(kernels + " has " + out[i] + " where scalar has "
                        + expected[i] + " (" + format + ", depth " + depth + ")");
            }
        }
    }

    @Benchmark
    public float[] attend(MachineLimits limits) {
        layer = layer + 1 == LAYERS ? 0 : layer + 1;
        attend();
        return out;
    }

    private void attend() {
        next.set(0);
        pool.run(task);
        if (tokens == 1) {
            for (int kvHead = 0; kvHead < KV_HEADS; kvHead++) {
                attention[0].combine(layer, kvHead, parts,
                        kvHead * chunks * attention[0].partSize(), chunks, out,
                        kvHead * GROUP_HEADS * HEAD_SIZE);
            }
        }
    }

    private void attend(int worker, int workers) {
        int each = tokens == 1 ? chunks : Math.ceilDiv(tokens, stretchTokens);
        for (int item = next.getAndIncrement(); item < KV_HEADS * each; item = next
                .getAndIncrement()) {
            if (tokens == 1) {
                attention[worker].attendChunk(layer, item / each, blockTable, depth - 1,
                        item % each, query, item / each * GROUP_HEADS * HEAD_SIZE, parts,
                        item * attention[worker].partSize());
            } else {
                attendStretch(attention[worker], item / each, item % each * stretchTokens);
            }
        }
    }

    private void attendStretch(CpuAttention attention, int kvHead, int first) {
        int offset = (first * KV_HEADS + kvHead) * GROUP_HEADS * HEAD_SIZE;
        attention.attend(layer, kvHead, blockTable, depth - tokens + first,
                Math.min(stretchTokens, tokens - first), query, offset, out, offset);
    }

    @TearDown(Level.Trial)
    public void free() {
        cache.close();
        pool.close();
    }
}

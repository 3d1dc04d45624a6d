package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.AttentionRule;
import dev.millrace.kernels.cpu.CpuAttention;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuKvCache;
import dev.millrace.models.ModelSpec;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Divides the attention of a step among workers. The division is made once per step and serves all
 * layers of the same rule; results do not depend on it.
 *
 * <p>Neighbouring positions of a prompt are a <em>stretch</em>, whose heads are computed together
 * so that they share what they read. A single position deep in its sequence, which would keep one
 * worker busy while the others wait, is <em>split</em> into chunks; the worker that finishes the
 * last of them combines them.
 */
final class CpuSelfAttention {

    /** A head of a position is split if it is more than such a part of a worker's share. */
    private static final int ITEMS_PER_WORKER = 4;
    /** Below this many multiply-adds (about two microseconds) a region costs more than it saves. */
    private static final long SERIAL_MACS = 100_000;

    private final ModelSpec spec;
    private final AttentionRule rule;
    private final WorkerPool pool;
    private final CpuBuffers buffers;
    private final StepLayout layout;
    private final int[][] blockTables; // (tokens)
    private final CpuAttention[] attention; // (workers)
    private final WorkQueue queue = new WorkQueue();
    private final WorkerPool.Task attend = this::attend;

    private final int[] stretches; // (step tokens): first tokens
    private final int[] stretchTokens; // (step tokens)
    private int stretchCount;

    private final int[] splitTokens; // (split limit)
    private final int[] splitEnds; // (split limit): items up to and including each
    private final AtomicIntegerArray chunksLeft; // (split limit, KV heads)
    private final float[] parts; // (split limit, KV heads, context chunks, part)
    private final int contextChunks;
    private int splitCount;

    private long macs;
    private int layer;

    /** @param group of the layers, whose cache and block tables these are */
    CpuSelfAttention(ModelSpec spec, AttentionRule rule, CpuKernels kernels, WorkerPool pool,
            CpuKvCache cache, int group, CpuBuffers buffers, StepLayout layout,
            MemoryBudget budget) {
        this.spec = spec;
        this.pool = pool;
        this.buffers = buffers;
        this.layout = layout;
        this.rule = rule;
        blockTables = layout.blockTables[group];
        attention = new CpuAttention[pool.workers()];
        for (int worker = 0; worker < attention.length; worker++) {
            attention[worker] = kernels.openAttention(cache, spec.groupHeads(), rule);
        }
        stretches = new int[budget.stepTokens()];
        stretchTokens = new int[budget.stepTokens()];
        int splitLimit = splitLimit(spec, budget, pool.workers());
        contextChunks = contextChunks(budget);
        splitTokens = new int[splitLimit];
        splitEnds = new int[splitLimit];
        chunksLeft = new AtomicIntegerArray(splitLimit * spec.kvHeads());
        parts = CpuBuffers.array(splitLimit * spec.kvHeads() * contextChunks,
                attention[0].partSize());
    }

    /** What one of these will take at most, in bytes. */
    static long bytes(ModelSpec spec, MemoryBudget budget, int workers) {
        long partBytes = CpuKernels.attentionPartBytes(spec.groupHeads(), spec.headSize());
        return workers * CpuKernels.attentionBytes(spec.groupHeads(), spec.headSize())
                + (long) splitLimit(spec, budget, workers) * spec.kvHeads()
                        * contextChunks(budget) * partBytes;
    }

    /** Positions that can be split at once; no more are large enough. */
    private static int splitLimit(ModelSpec spec, MemoryBudget budget, int workers) {
        return workers == 1
                ? 0
                : Math.min(budget.stepTokens(),
                        Math.ceilDiv(ITEMS_PER_WORKER * workers, spec.kvHeads()));
    }

    private static int contextChunks(MemoryBudget budget) {
        return Math.ceilDiv(budget.contextTokens(), CpuAttention.CHUNK_TOKENS);
    }

    /** Divides the step that the layout holds. */
    void plan() {
        long chunks = 0;
        long positions = 0;
        for (int token = 0; token < layout.tokens; token++) {
            chunks += chunks(token);
            positions += layout.positions[token] + 1
                    - CpuAttention.firstPosition(layout.positions[token],
                            rule.windowTokens());
        }
        macs = 2 * spec.querySize() * positions;
        int longest = Math.clamp(Math.ceilDiv(layout.tokens * spec.kvHeads(),
                ITEMS_PER_WORKER * pool.workers()), 1, attention[0].tokenLimit());
        stretchCount = 0;
        splitCount = 0;
        for (int token = 0; token < layout.tokens;) {
            int count = 1;
            while (count < longest && follows(token + count)) {
                count++;
            }
            if (count == 1 && isWorthSplitting(token, chunks)) {
                split(token);
            } else {
                stretches[stretchCount] = token;
                stretchTokens[stretchCount++] = count;
            }
            token += count;
        }
    }

    /** Whether a token is the next position of the same sequence as the token before. */
    private boolean follows(int token) {
        return token < layout.tokens && blockTables[token] == blockTables[token - 1]
                && layout.positions[token] == layout.positions[token - 1] + 1;
    }

    private boolean isWorthSplitting(int token, long allChunks) {
        return splitCount < splitTokens.length && chunks(token) > 1
                && (long) chunks(token) * ITEMS_PER_WORKER * pool.workers() >= allChunks
                        * spec.kvHeads();
    }

    private void split(int token) {
        splitTokens[splitCount] = token;
        splitEnds[splitCount] = (splitCount == 0 ? 0 : splitEnds[splitCount - 1])
                + chunks(token) * spec.kvHeads();
        splitCount++;
    }

    private int chunks(int token) {
        return layout.positions[token] / CpuAttention.CHUNK_TOKENS + 1 - firstChunk(token);
    }

    private int firstChunk(int token) {
        return CpuAttention.firstChunk(layout.positions[token], rule.windowTokens());
    }

    /** Attends in a layer of the cache: from {@code buffers.query} to {@code buffers.attended}. */
    void run(int layer) {
        this.layer = layer;
        for (int split = 0; split < splitCount; split++) {
            for (int kvHead = 0; kvHead < spec.kvHeads(); kvHead++) {
                chunksLeft.set(split * spec.kvHeads() + kvHead, chunks(splitTokens[split]));
            }
        }
        queue.resetSingly(stretchCount * spec.kvHeads()
                + (splitCount == 0 ? 0 : splitEnds[splitCount - 1]));
        if (macs < SERIAL_MACS) {
            attend(0, 1);
        } else {
            pool.run(attend);
        }
    }

    private void attend(int worker, int workers) {
        int whole = stretchCount * spec.kvHeads();
        for (int item = queue.take(); item >= 0; item = queue.take()) {
            if (item < whole) {
                // Head by head, so that neighbours find its keys in the cache; longest first.
                attendStretch(worker, stretchCount - 1 - item % stretchCount, item / stretchCount);
            } else {
                attendChunk(worker, item - whole);
            }
        }
    }

    private void attendStretch(int worker, int stretch, int kvHead) {
        int token = stretches[stretch];
        attention[worker].attend(layer, kvHead, blockTables[token],
                layout.positions[token], stretchTokens[stretch], buffers.query,
                offset(token, kvHead), buffers.attended.values(), offset(token, kvHead));
    }

    private void attendChunk(int worker, int item) {
        int split = 0;
        while (item >= splitEnds[split]) {
            split++;
        }
        int token = splitTokens[split];
        int chunks = chunks(token);
        int ordinal = item - (split == 0 ? 0 : splitEnds[split - 1]);
        int kvHead = ordinal / chunks;
        int chunk = ordinal % chunks;
        int head = split * spec.kvHeads() + kvHead;
        int partSize = attention[worker].partSize();
        int first = head * contextChunks * partSize;
        attention[worker].attendChunk(layer, kvHead, blockTables[token],
                layout.positions[token], firstChunk(token) + chunk, buffers.query,
                offset(token, kvHead), parts, first + chunk * partSize);
        if (chunksLeft.decrementAndGet(head) == 0) {
            attention[worker].combine(layer, kvHead, parts, first, chunks,
                    buffers.attended.values(),
                    offset(token, kvHead));
        }
    }

    private int offset(int token, int kvHead) {
        return token * spec.querySize() + kvHead * spec.groupHeads() * spec.headSize();
    }
}

package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.ModelSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * The adapters of a forward pass, and what they add to the projections of a step.
 *
 * <p>Each projection of a row with an adapter becomes {@code W x + B (scale * (A x))}. Tokens side
 * by side with the same adapter are a <em>span</em>, which is multiplied together. The products
 * with A belong into the region that writes x, token by token; those with B into the region that
 * multiplies by W, output by output: so adapters add no region, and rows without one compute what
 * they would without all this.
 */
final class CpuAdapters implements AutoCloseable {

    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final ModelSpec spec;
    private final int stepTokens;
    private final long limitBytes;
    private final List<CpuAdapter> loaded = new ArrayList<>();
    private final float[][] changes; // by ordinal: (step tokens, outputs), the products with B
    private int nextSlot;

    private final CpuAdapter[] spanAdapters; // (step tokens)
    private final int[] spanFirst; // (step tokens): first tokens
    private final int[] spanEnd; // (step tokens): one past the last
    private int spans;

    CpuAdapters(CpuKernels kernels, WorkerPool pool, ModelSpec spec, MemoryBudget budget) {
        this.kernels = kernels;
        this.pool = pool;
        this.spec = spec;
        stepTokens = budget.stepTokens();
        limitBytes = budget.adapterBytes();
        boolean used = limitBytes > 0;
        changes = used
                ? new float[][]{CpuBuffers.array(stepTokens, widestOutput(spec)),
                    CpuBuffers.array(stepTokens, Math.max(spec.kvSize(),
                            spec.widestFeedForward())),
                    CpuBuffers.array(stepTokens, spec.kvSize())}
                : null;
        int most = used ? stepTokens : 0;
        spanAdapters = new CpuAdapter[most];
        spanFirst = new int[most];
        spanEnd = new int[most];
    }

    /** What the products with B will take if there are to be adapters, in bytes. */
    static long bufferBytes(ModelSpec spec, MemoryBudget budget) {
        long width = (long) widestOutput(spec) + spec.kvSize()
                + Math.max(spec.kvSize(), spec.widestFeedForward());
        return budget.adapterBytes() == 0 ? 0 : budget.stepTokens() * width * Float.BYTES;
    }

    private static int widestOutput(ModelSpec spec) {
        return Math.max(Math.max(spec.embeddingSize(), spec.querySize()),
                spec.widestFeedForward());
    }

    /**
     * Packs an adapter.
     *
     * @param adapter owned from now on, unless this fails
     * @return its slot
     * @throws BackendException if the memory that was set aside for adapters is too little
     */
    int load(LoraAdapter adapter) {
        long taken = loaded.stream().mapToLong(CpuAdapter::bytes).sum();
        long needed = AdapterPacker.bytes(kernels, spec, stepTokens, adapter);
        if (needed > limitBytes - taken) {
            throw new BackendException("the adapter " + adapter.source() + " takes " + needed
                    + " bytes, but of the " + limitBytes + " set aside for adapters "
                    + (limitBytes - taken) + " are left; set more aside (--lora-memory) or unload"
                    + " another adapter first");
        }
        loaded.add(new AdapterPacker(kernels, pool, spec, stepTokens).pack(nextSlot, adapter));
        return nextSlot++;
    }

    /** Frees an adapter. @throws IllegalArgumentException if there is none in this slot */
    void unload(int slot) {
        CpuAdapter adapter = find(slot);
        if (adapter == null) {
            throw new IllegalArgumentException("there is no adapter in slot " + slot);
        }
        loaded.remove(adapter);
        adapter.close();
    }

    /** Whether rows may name a slot. */
    boolean isLoaded(int slot) {
        return find(slot) != null;
    }

    private CpuAdapter find(int slot) {
        for (int i = 0; i < loaded.size(); i++) {
            if (loaded.get(i).slot() == slot) {
                return loaded.get(i);
            }
        }
        return null;
    }

    /** Finds the spans of the step that the layout holds. */
    void plan(StepLayout layout) {
        spans = 0;
        if (loaded.isEmpty()) {
            return;
        }
        for (int token = 0; token < layout.tokens;) {
            int slot = layout.adapterSlots[token];
            int end = token + 1;
            while (end < layout.tokens && layout.adapterSlots[end] == slot) {
                end++;
            }
            CpuAdapter adapter = find(slot);
            if (adapter != null) {
                spanAdapters[spans] = adapter;
                spanFirst[spans] = token;
                spanEnd[spans++] = end;
            }
            token = end;
        }
    }

    /**
     * Multiplies tokens by the matrices A of a projection, scaled.
     *
     * @param x the projection's input, prepared for these tokens
     */
    void reduce(CpuLinear linear, Activations x, int firstToken, int endToken) {
        for (int span = 0; span < spans; span++) {
            int first = Math.max(firstToken, spanFirst[span]);
            int end = Math.min(endToken, spanEnd[span]);
            CpuLoraPair pair = spanAdapters[span].pairs()[linear.place()];
            if (pair == null || first >= end) {
                continue;
            }
            float[] inner = pair.inner().values();
            kernels.multiply(pair.a(), x, first, end - first, inner, 0, pair.rank());
            for (int token = first; token < end; token++) {
                kernels.scale(inner, token * pair.rank(), pair.scale(), pair.rank());
                kernels.prepare(pair.inner(), token);
            }
        }
    }

    /**
     * Adds the products with the matrices B to some outputs of a projection, once all tokens have
     * been through {@link #reduce}.
     *
     * @param y     (step tokens, outputs)
     * @param begin first output, a multiple of the projection's row tile
     * @param end   one past the last output, likewise or the number of outputs
     */
    void expand(CpuLinear linear, float[] y, int begin, int end) {
        float[] change = spans == 0 ? null : changes[CpuLinear.ordinal(linear.place())];
        for (int span = 0; span < spans; span++) {
            CpuLoraPair pair = spanAdapters[span].pairs()[linear.place()];
            if (pair == null) {
                continue;
            }
            int first = spanFirst[span];
            kernels.multiply(pair.b(), pair.inner(), first, spanEnd[span] - first, change, begin,
                    end);
            for (int token = first; token < spanEnd[span]; token++) {
                int at = token * linear.rows() + begin;
                kernels.add(y, at, change, at, end - begin);
            }
        }
    }

    @Override
    public void close() {
        loaded.forEach(CpuAdapter::close);
        loaded.clear();
    }
}

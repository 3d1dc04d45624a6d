package dev.millrace.bench.overhead;

import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.engine.forward.StepResult.RowResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A model that computes nothing and always says the same token. */
final class InstantPass implements ForwardPass {

    private static final int BLOCK_TOKENS = 16;

    private final int token;
    private final CacheGeometry geometry;

    /** @param blocks of cache, of 16 positions each */
    InstantPass(int token, int blocks) {
        this.token = token;
        this.geometry = new CacheGeometry(BLOCK_TOKENS,
                List.of(new LayerGroup(1, 0, blocks, 0, Long.BYTES)));
    }

    @Override
    public CacheGeometry cacheGeometry() {
        return geometry;
    }

    @Override
    public DeviceMemory memory() {
        return new DeviceMemory(0, 0, geometry.totalBytes(), 0);
    }

    @Override
    public StepResult step(StepBatch batch) {
        long began = System.nanoTime();
        List<RowResult> rows = new ArrayList<>(batch.rows().size());
        for (SequenceRow row : batch.rows()) {
            rows.add(row.output().samples() ? sampled(row.output().positions()) : RowResult.EMPTY);
        }
        return new StepResult(rows, System.nanoTime() - began);
    }

    private RowResult sampled(int positions) {
        int[] tokens = new int[positions];
        Arrays.fill(tokens, token);
        return new RowResult(tokens, new float[positions], List.of(), new float[0], false);
    }

    @Override
    public void close() {
        // It holds nothing.
    }
}

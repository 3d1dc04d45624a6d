package dev.millrace.server.wiring;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult.RowResult;
import java.util.List;

/** Steps a model through one sequence at a time, for commands that look at what it computes. */
public final class SingleSequence {

    private final LoadedModel loaded;
    private final int[][] blockTables;
    private final int adapterSlot;

    /** @param contextTokens of the longest sequence */
    public SingleSequence(LoadedModel loaded, int contextTokens) {
        this(loaded, contextTokens, SequenceRow.NO_ADAPTER);
    }

    /** @param adapterSlot of an adapter that the model's pass has loaded */
    public SingleSequence(LoadedModel loaded, int contextTokens, int adapterSlot) {
        this.loaded = loaded;
        this.adapterSlot = adapterSlot;
        blockTables = loaded.pass().cacheGeometry().ownTables(0, contextTokens,
                loaded.stepTokens());
    }

    /** Most tokens that one step takes. */
    public int stepTokens() {
        return loaded.stepTokens();
    }

    /**
     * Computes tokens whose predecessors are in the cache; with none computed, a new sequence.
     *
     * @throws BackendException if the model computes no numbers
     */
    public RowResult step(int[] tokens, int computedTokens, OutputRequest output) {
        SequenceRow sequence = new SequenceRow(tokens, computedTokens, blockTables,
                adapterSlot, output, null);
        StepBatch batch = new StepBatch(List.of(sequence), BlockOperations.NONE);
        RowResult result = loaded.lane().overhead(() -> loaded.pass().step(batch)).rows()
                .getFirst();
        if (result.poisoned()) {
            throw new BackendException("the model computed something that is no number at"
                    + " position " + computedTokens + "; the file may be damaged");
        }
        return result;
    }
}

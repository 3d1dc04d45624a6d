package dev.millrace.server.wiring;

import dev.millrace.engine.DraftModel;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.host.MemoryShares.Need;
import dev.millrace.models.Model;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.ServerConfig;
import java.nio.file.Path;

/**
 * A smaller model that guesses for one that is served. It comes onto the device together with that
 * one and shares its threads; its weights stay as its file has them.
 */
final class ServableDraft implements AutoCloseable {

    private static final String ADVICE = "a draft needs the very tokens of the model that it"
            + " guesses for: take a smaller model of the same family";

    private final Model model;
    private final ServerConfig config;
    private final ServingDevice device;

    /**
     * Opens a draft model.
     *
     * @param target what it guesses for
     * @param device of both
     * @throws IllegalArgumentException if its tokens are not the same; says which
     */
    ServableDraft(Path file, Model target, ServerConfig config, ServingDevice device) {
        this.config = config;
        this.device = device;
        this.model = Model.open(file);
        try {
            requireSameTokens(target);
            if (device instanceof CpuDevice cpu
                    && cpu.choice().kernels().name().equals("scalar")) {
                throw new IllegalArgumentException("a draft model saves nothing with scalar"
                        + " kernels, for which two tokens take twice as long as one; use"
                        + " --kernels=native or vector, or no draft");
            }
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    private void requireSameTokens(Model target) {
        String names = "the draft " + model.spec().name() + " of " + target.spec().name();
        int size = target.spec().vocabularySize();
        Tokenizer theirs = target.requiredTokenizer();
        Tokenizer ours = model.requiredTokenizer();
        if (model.spec().vocabularySize() != size
                || ours.vocabularySize() != theirs.vocabularySize()) {
            throw new IllegalArgumentException(names + " has " + model.spec().vocabularySize()
                    + " tokens, not " + size + "; " + ADVICE);
        }
        for (int token = 0; token < ours.vocabularySize(); token++) {
            if (!ours.piece(token).equals(theirs.piece(token))) {
                throw new IllegalArgumentException(names + " has another token " + token + ": \""
                        + ours.piece(token) + "\", not \"" + theirs.piece(token) + "\"; "
                        + ADVICE);
            }
        }
    }

    private MemoryBudget budget(long memoryBytes, int contextTokens) {
        return new MemoryBudget(memoryBytes, Math.min(contextTokens, model.spec().contextTokens()),
                config.sequences(), config.stepTokens(), config.cacheFormat());
    }

    /** What both take of the memory. @param contextTokens of the target's longest sequence */
    Need with(Need target, int contextTokens) {
        DeviceMemory memory = needed(contextTokens);
        return new Need(target.name(),
                target.fixedBytes() + memory.totalBytes() - memory.cacheBytes(),
                target.leastCacheBytes() + leastCacheBytes(contextTokens),
                target.mostCacheBytes() + memory.cacheBytes(), target.pinned());
    }

    private DeviceMemory needed(int contextTokens) {
        return device.memoryNeeded(model.spec(), model.weights(),
                budget(Long.MAX_VALUE, contextTokens));
    }

    private long leastCacheBytes(int contextTokens) {
        return Math.min(needed(contextTokens).cacheBytes(), device.leastCacheBytes(
                model.spec(), budget(Long.MAX_VALUE, contextTokens)));
    }

    /**
     * Its part of the memory for both: what is fixed, and as large a part of the cache that it
     * could use as the other gets of its own.
     *
     * @param target what the model that it guesses for needs by itself
     */
    long share(long memoryBytes, Need target, int contextTokens) {
        DeviceMemory memory = needed(contextTokens);
        long fixedBytes = memory.totalBytes() - memory.cacheBytes();
        double left = memoryBytes - fixedBytes - target.fixedBytes();
        double part = left / (memory.cacheBytes() + target.mostCacheBytes());
        return fixedBytes + Math.clamp((long) (part * memory.cacheBytes()),
                leastCacheBytes(contextTokens), memory.cacheBytes());
    }

    /** Brings it onto the device, beside the model that it guesses for. */
    DraftModel open(long memoryBytes, LoadedModel beside) {
        MemoryBudget budget = budget(memoryBytes, beside.contextTokens());
        ForwardPass pass = beside.lane().overhead(() -> beside.backend().open(model.spec(),
                model.weights(), budget));
        return new DraftModel(pass, budget.stepTokens(), budget.contextTokens());
    }

    @Override
    public void close() {
        model.close();
    }
}

package dev.millrace.engine.replicas;

import dev.millrace.engine.EngineLoad;
import dev.millrace.engine.EngineStatus;
import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.Replica;
import dev.millrace.engine.ServiceTier;
import dev.millrace.models.LoraAdapter;
import java.time.Duration;
import java.util.Optional;

/** In the place of a replica whose device was lost before the model was there: it does nothing. */
public final class LostReplica implements Replica {

    private final String why;

    /** @param why as a sentence for clients */
    public LostReplica(String why) {
        this.why = why;
    }

    private OverloadException refusal() {
        return new OverloadException(why, ReplicatedEngine.RESTART);
    }

    @Override
    public Generation submit(GenerationRequest request) {
        throw refusal();
    }

    @Override
    public int loadAdapter(LoraAdapter adapter) {
        throw refusal();
    }

    @Override
    public void unloadAdapter(int slot) {
        throw new IllegalArgumentException("no adapter was loaded here, got slot " + slot);
    }

    @Override
    public Optional<String> failure() {
        return Optional.of(why);
    }

    @Override
    public int cachedTokens(GenerationRequest request) {
        return 0;
    }

    @Override
    public boolean hasPrompt(int[] prompt) {
        return false;
    }

    @Override
    public EngineLoad load(ServiceTier tier) {
        return new EngineLoad(0, 0);
    }

    @Override
    public EngineStatus status() {
        return new EngineStatus(0, 0, 0, 0, 0, 0, 0, true);
    }

    @Override
    public void refuse() {
        // It takes nothing anyway.
    }

    @Override
    public boolean drain(Duration timeout) {
        return true;
    }

    @Override
    public void close() {
        // There is nothing to stop.
    }
}

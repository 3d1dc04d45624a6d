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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A replica that runs nothing, and says of itself what a test wants it to. */
final class FakeReplica implements Replica {

    int cachedTokens;
    int requests;
    int flexRequests; // beside those
    long promptTokens;
    int[] prompt;
    String failure;
    Duration full;
    RuntimeException loading;
    int nextSlot;
    final List<GenerationRequest> submitted = new ArrayList<>();
    final List<Integer> unloaded = new ArrayList<>();
    final List<LoraAdapter> adapters = new ArrayList<>();

    @Override
    public Generation submit(GenerationRequest request) {
        if (full != null) {
            throw new OverloadException("full for " + full.toSeconds() + " s", full);
        }
        submitted.add(request);
        return null;
    }

    @Override
    public int cachedTokens(GenerationRequest request) {
        return cachedTokens;
    }

    @Override
    public boolean hasPrompt(int[] wanted) {
        return prompt == wanted;
    }

    @Override
    public EngineLoad load(ServiceTier tier) {
        return new EngineLoad(requests + (tier == ServiceTier.FLEX ? flexRequests : 0),
                promptTokens);
    }

    @Override
    public int loadAdapter(LoraAdapter adapter) {
        if (loading != null) {
            throw loading;
        }
        adapters.add(adapter);
        return nextSlot++;
    }

    @Override
    public void unloadAdapter(int slot) {
        unloaded.add(slot);
    }

    @Override
    public Optional<String> failure() {
        return Optional.ofNullable(failure);
    }

    @Override
    public void refuse() {
        full = Duration.ofSeconds(1);
    }

    @Override
    public EngineStatus status() {
        return new EngineStatus(requests, 0, 1, 10, 5, 2, 1, failure != null);
    }

    @Override
    public boolean drain(Duration timeout) {
        return true;
    }

    @Override
    public void close() {
        refuse();
    }
}

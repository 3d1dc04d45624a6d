package dev.millrace.engine.embedding;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.DeviceLane.Occupancy;
import dev.millrace.engine.FinishReason;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.ThreadEnd;
import dev.millrace.engine.embedding.EmbeddingQueue.Part;
import dev.millrace.engine.forward.EncoderPass;
import dev.millrace.models.text.EncoderInput;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * One platform thread that computes the texts of all requests on one encoder, a step at a time, in
 * turn from every request. Safe to share between threads.
 */
public final class EmbeddingEngine implements AutoCloseable {

    private static final Logger LOG = System.getLogger(EmbeddingEngine.class.getName());

    private final EncoderPass pass;
    private final EmbeddingSettings settings;
    private final DeviceLane lane;
    private final StepObserver observer;
    private final EmbeddingQueue queue;
    private final Thread thread;

    private EmbeddingEngine(String name, EncoderPass pass, EmbeddingSettings settings,
            DeviceLane lane, StepObserver observer) {
        this.pass = pass;
        this.settings = settings;
        this.lane = lane;
        this.observer = observer;
        this.queue = new EmbeddingQueue(settings);
        this.thread = Thread.ofPlatform().name("embedding-" + name).daemon().unstarted(this::run);
    }

    /**
     * Starts an engine.
     *
     * @param name     of the model, for the thread's name
     * @param pass     used by this engine alone and closed by the caller, after the engine
     * @param lane     of the device that {@code pass} runs on
     * @param observer told of every step and every end, on the engine's thread
     */
    public static EmbeddingEngine start(String name, EncoderPass pass, EmbeddingSettings settings,
            DeviceLane lane, StepObserver observer) {
        EmbeddingEngine engine = new EmbeddingEngine(name, pass, settings, lane, observer);
        engine.thread.start();
        return engine;
    }

    /** A request in the engine. */
    public record Submitted(CompletableFuture<EmbeddingResult> result, Runnable cancel) {}

    /**
     * Queues a request.
     *
     * @return its result, which always comes, and a way to end it within a step
     * @throws IllegalArgumentException if a text is longer than the context, or all together are
     *                                  more than the queue ever takes
     * @throws OverloadException        if the queue is full or the engine is draining
     */
    public Submitted submit(EmbeddingRequest request) {
        for (EncoderInput text : request.texts()) {
            if (text.length() > settings.contextTokens()) {
                throw new IllegalArgumentException("a text has " + text.length()
                        + " tokens, but this model takes " + settings.contextTokens()
                        + "; cut it into pieces");
            }
        }
        PendingEmbedding pending = new PendingEmbedding(request, lane.nanoTime());
        queue.submit(pending);
        return new Submitted(pending.result, pending::cancel);
    }

    /** Requests that wait or run. */
    public int liveRequests() {
        return queue.live();
    }

    private void run() {
        try {
            for (List<Part> step = next(); step != null; step = next()) {
                step(step);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | Error failure) {
            LOG.log(Level.ERROR, "the embedding engine stopped", failure);
            queue.close();
        } finally {
            queue.all().forEach(left -> end(left, FinishReason.CANCELLED));
        }
    }

    private List<Part> next() throws InterruptedException {
        return queue.await(lane::nanoTime);
    }

    private void step(List<Part> taken) {
        List<Part> parts = new ArrayList<>(taken.size());
        Map<PendingEmbedding, StepShare> shares = new LinkedHashMap<>();
        for (Part part : taken) {
            if (part.text() == Part.NONE) {
                end(part.pending(), FinishReason.CANCELLED);
                continue;
            }
            parts.add(part);
            int tokens = part.input().length();
            shares.merge(part.pending(), new StepShare(part.pending().request.id(), tokens, 0, 0,
                    (long) tokens * tokens), EmbeddingEngine::sum);
        }
        if (!parts.isEmpty()) {
            compute(parts, List.copyOf(shares.values()));
        }
    }

    private void compute(List<Part> parts, List<StepShare> shares) {
        List<EncoderInput> texts = parts.stream().map(Part::input).toList();
        Occupancy<float[][]> run = lane.step(() -> pass.encode(texts));
        // Before any vector is published: a client that has its answer has been billed for it.
        observer.onStep(new StepRecord(run.nanos(), shares));
        if (run.failure() != null) {
            LOG.log(Level.ERROR, "a step of " + texts.size() + " texts failed", run.failure());
            parts.forEach(part -> end(part.pending(), FinishReason.FAILED));
            return;
        }
        for (int i = 0; i < parts.size(); i++) {
            accept(parts.get(i).pending(), parts.get(i).text(), run.value()[i]);
        }
    }

    private void accept(PendingEmbedding part, int text, float[] vector) {
        for (float element : vector) {
            if (!Float.isFinite(element)) {
                LOG.log(Level.WARNING, "request {0} got a vector that is no numbers",
                        part.request.id());
                end(part, FinishReason.FAILED);
                return;
            }
        }
        if (part.accept(text, vector)) {
            end(part, FinishReason.STOP);
        }
    }

    private static StepShare sum(StepShare a, StepShare b) {
        return new StepShare(a.requestId(), a.promptTokens() + b.promptTokens(), 0, 0,
                a.contextTokens() + b.contextTokens());
    }

    /** Closes the books of a request, then lets its client go; once, whatever else happens. */
    private void end(PendingEmbedding pending, FinishReason reason) {
        if (!queue.remove(pending)) {
            return;
        }
        EmbeddingResult result = pending.end(reason, lane.nanoTime());
        try {
            observer.onFinished(result.finished());
        } finally {
            pending.result.complete(result);
        }
    }

    /**
     * Refuses new requests and lets running ones finish.
     *
     * @return whether all finished in time; what remains is cancelled
     */
    public boolean drain(Duration timeout) {
        boolean finished = false;
        try {
            finished = queue.drain(timeout);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        if (!finished) {
            queue.all().forEach(PendingEmbedding::cancel);
        }
        return finished;
    }

    /** Cancels what is left and waits for the thread to stop, which takes at most one step. */
    @Override
    public void close() {
        queue.close();
        ThreadEnd.await(thread);
    }
}

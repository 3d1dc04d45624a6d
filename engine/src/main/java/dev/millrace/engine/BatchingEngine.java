package dev.millrace.engine;

import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.models.LoraAdapter;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Optional;

/**
 * The engine: one platform thread that batches all requests, step by step, onto one model.
 *
 * <p>Of the sampled tokens, all count as completion tokens, those too that end a text or that a
 * stop sequence swallows.
 */
public final class BatchingEngine implements Replica {

    private static final Logger LOG = System.getLogger(BatchingEngine.class.getName());

    private final Vocabulary vocabulary;
    private final RequestRules rules;
    private final Speculation speculation;
    private final int layerGroups;
    private final DeviceLane lane;
    private final AdapterSlots adapters;
    private final BlockCache cache;
    private final Inbox inbox;
    private final EngineLoop loop;
    private final Thread thread;
    private volatile EngineStatus status;
    private volatile long promptTokens; // of running requests, not computed yet

    private BatchingEngine(String name, ForwardPass forwardPass, Vocabulary vocabulary,
            EngineSettings settings, Optional<DraftModel> draft, DeviceLane lane,
            StepObserver observer) {
        this.vocabulary = vocabulary;
        this.lane = lane;
        CacheGeometry geometry = forwardPass.cacheGeometry();
        cache = new BlockCache(geometry, settings.stepTokens(), settings.prefixReuse());
        layerGroups = geometry.groups().size();
        speculation = settings.speculation();
        rules = new RequestRules(vocabulary.size(), settings.contextTokens(), cache.positions());
        adapters = new AdapterSlots(forwardPass, lane);
        inbox = new Inbox(settings);
        loop = new EngineLoop(forwardPass, vocabulary, settings, inbox, cache, lane, observer,
                adapters, draft.map(model -> new Drafter(model, vocabulary.size(),
                        settings.prefixReuse(), lane, observer)));
        status = loop.status();
        thread = Thread.ofPlatform().name("engine-" + name).daemon().unstarted(this::run);
    }

    /**
     * Starts an engine.
     *
     * @param name        of the model, for the thread's name
     * @param forwardPass the model on its device; used by this engine alone and closed by the
     *                    caller, after the engine
     * @param lane        of the device that {@code forwardPass} runs on
     * @param observer    told of every step and every end, on the engine's thread
     */
    public static BatchingEngine start(String name, ForwardPass forwardPass, Vocabulary vocabulary,
            EngineSettings settings, DeviceLane lane, StepObserver observer) {
        return start(name, forwardPass, vocabulary, settings, Optional.empty(), lane, observer);
    }

    /**
     * The same with a draft model, which guesses where that pays.
     *
     * @param draft its pass is closed by the caller too, after the engine
     */
    public static BatchingEngine start(String name, ForwardPass forwardPass, Vocabulary vocabulary,
            EngineSettings settings, Optional<DraftModel> draft, DeviceLane lane,
            StepObserver observer) {
        BatchingEngine engine = new BatchingEngine(name, forwardPass, vocabulary, settings, draft,
                lane, observer);
        engine.thread.start();
        return engine;
    }

    @Override
    public Generation submit(GenerationRequest request) {
        int tokenLimit = rules.tokenLimit(request);
        Reply reply = new Reply(request, vocabulary, tokenLimit - request.prompt().length,
                lane.nanoTime());
        Sequence sequence = new Sequence(request, tokenLimit, layerGroups, speculation, reply);
        adapters.enter(request.adapterSlot());
        boolean submitted = false;
        try {
            inbox.submit(sequence);
            submitted = true;
        } finally {
            if (!submitted) {
                adapters.leave(request.adapterSlot());
            }
        }
        return new Submitted(sequence, inbox);
    }

    @Override
    public int loadAdapter(LoraAdapter adapter) {
        try {
            return adapters.load(adapter);
        } catch (DeviceLostException lost) {
            inbox.fail(lost); // no step can do better
            throw Inbox.lost(lost);
        }
    }

    @Override
    public void unloadAdapter(int slot) {
        adapters.unload(slot);
    }

    /** A generation in this engine. */
    private record Submitted(Sequence sequence, Inbox inbox) implements Generation {

        @Override
        public String id() {
            return sequence.request().id();
        }

        @Override
        public GenerationEvent next(Duration timeout) throws InterruptedException {
            return sequence.reply().events().next(timeout);
        }

        @Override
        public double logProbability() {
            return sequence.reply().logProbability();
        }

        @Override
        public PromptLogprobs promptLogprobs() {
            return sequence.promptLogprobs();
        }

        @Override
        public float[] promptState() {
            return sequence.promptState();
        }

        @Override
        public void cancel() {
            inbox.end(sequence, FinishReason.CANCELLED);
        }

        @Override
        public void curtail() {
            inbox.end(sequence, FinishReason.LENGTH);
        }
    }

    private void run() {
        try {
            while (inbox.await(loop.isIdle())) {
                loop.turn();
                status = loop.status();
                promptTokens = loop.promptTokens();
            }
        } catch (RuntimeException | Error failure) {
            LOG.log(Level.ERROR, "the engine stopped", failure);
            inbox.fail(failure);
            loop.abandon(inbox.failure().orElseThrow());
        }
    }

    @Override
    public Optional<String> failure() {
        return inbox.failure();
    }

    @Override
    public EngineStatus status() {
        EngineStatus latest = status;
        int live = inbox.liveRequests();
        int running = Math.min(live, latest.running());
        return new EngineStatus(running, live - running, latest.usedBlocks(), latest.totalBlocks(),
                latest.steps(), latest.preemptions(), latest.poisoned(), inbox.draining());
    }

    @Override
    public int cachedTokens(GenerationRequest request) {
        return cache.knownTokens(request);
    }

    @Override
    public void refuse() {
        inbox.drain();
    }

    @Override
    public boolean hasPrompt(int[] prompt) {
        return inbox.hasPrompt(prompt);
    }

    @Override
    public EngineLoad load(ServiceTier tier) {
        EngineLoad load = inbox.load(tier);
        return new EngineLoad(load.requests(), load.promptTokens() + promptTokens);
    }

    @Override
    public boolean drain(Duration timeout) {
        inbox.drain();
        boolean finished = false;
        try {
            finished = inbox.awaitEmpty(timeout);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        if (!finished) {
            inbox.cancelAll();
        }
        return finished;
    }

    /** Cancels what is left and waits for the loop to stop, which takes at most one step. */
    @Override
    public void close() {
        inbox.close();
        ThreadEnd.await(thread);
    }
}

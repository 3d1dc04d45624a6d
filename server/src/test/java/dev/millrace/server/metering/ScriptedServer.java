package dev.millrace.server.metering;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.DeviceLanes;
import dev.millrace.engine.Engine;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.replicas.ReplicatedEngine;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;

/**
 * The real engine, lane and meter over a model without arithmetic, with a cache so small that
 * requests throw each other out, and clients that behave as badly as clients do.
 */
final class ScriptedServer implements AutoCloseable {

    /** Changes twenty times a second, so that requests and steps run into changes all the time. */
    static final RateSchedule RATES = RateSchedule.of(moment -> new CostModel(61_643_837,
            0, 19_500_001 + moment.toEpochMilli() / 50 % 3 * 7_000_003, 7, 11, 13, 17, false));

    /** A prompt with this token makes its request fail, alone. */
    static final int POISON = FakeTokenizer.FIRST_BYTE + '#';

    /** A step with this token in it fails for everybody in it. */
    static final int BOMB = FakeTokenizer.FIRST_BYTE + '!';

    private static final EngineSettings SETTINGS = new EngineSettings(6, 48, 160, 5, 400, true);
    private static final MeterLimits LIMITS = new MeterLimits(1_000, 8, Duration.ofMillis(30),
            Duration.ofSeconds(10), Duration.ofSeconds(10));
    private static final int MOST_ROUNDS = 50;
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    final DeviceLanes lanes;
    private final AtomicLong recomputedTokens = new AtomicLong();
    final UsageMeter meter;
    final Engine engine;

    ScriptedServer(Path file, UnaryOperator<StepObserver> between) {
        this(LedgerAddress.ofFile(file), between);
    }

    ScriptedServer(LedgerAddress ledger, UnaryOperator<StepObserver> between) {
        this(ledger, between, Clock.systemUTC());
    }

    ScriptedServer(LedgerAddress ledger, UnaryOperator<StepObserver> between, Clock clock) {
        this(ledger, between, clock, 1);
    }

    /** @param replicas engines side by side, on a lane each */
    ScriptedServer(LedgerAddress ledger, UnaryOperator<StepObserver> between, Clock clock,
            int replicas) {
        lanes = new DeviceLanes(replicas);
        meter = UsageMeter.start(UsageLedger.open(ledger), RATES, StepWeights.DEFAULT,
                lanes::reading, EnergySource.NONE, clock, LIMITS);
        List<StepObserver> observers = meter.steps("scripted",
                Collections.nCopies(replicas, "none"), StepWeights.DEFAULT);
        List<BatchingEngine> engines = new ArrayList<>();
        for (int i = 0; i < replicas; i++) {
            lanes.lane(i).overhead(() -> {
                LockSupport.parkNanos(3_000_000);
                return null;
            });
            engines.add(BatchingEngine.start("scripted", pass(), Vocabulary.of(
                    new FakeTokenizer(), FakeTokenizer.VOCABULARY_SIZE), SETTINGS, lanes.lane(i),
                    new RecomputeCounter(between.apply(observers.get(i)))));
        }
        engine = replicas == 1 ? engines.getFirst() : new ReplicatedEngine(engines);
    }

    private static ScriptedForwardPass pass() {
        return new ScriptedForwardPass(ScriptedForwardPass.geometry(8, 40),
                FakeTokenizer.VOCABULARY_SIZE, NextToken.letters())
                .takes(100_000, 5_000).poisonedBy(POISON)
                .failWhen(batch -> batch.rows().stream().anyMatch(row -> contains(
                        row.tokens(), BOMB)));
    }

    /** Counts what is computed again on its way to the books. */
    private final class RecomputeCounter implements StepObserver {

        private final StepObserver next;

        RecomputeCounter(StepObserver next) {
            this.next = next;
        }

        @Override
        public void onStep(StepRecord step) {
            for (StepRecord.StepShare share : step.shares()) {
                recomputedTokens.addAndGet(share.recomputeTokens());
            }
            next.onStep(step);
        }

        @Override
        public void onFinished(FinishedRequest request) {
            next.onFinished(request);
        }
    }

    private static boolean contains(int[] tokens, int wanted) {
        for (int token : tokens) {
            if (token == wanted) {
                return true;
            }
        }
        return false;
    }

    /** Lets so many clients send so many requests each; returns the receipts of all of them. */
    List<Receipt> serve(long seed, int clients, int requestsEach) throws Exception {
        List<Future<List<CompletableFuture<Receipt>>>> all = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int client = 0; client < clients; client++) {
                String name = "seed" + seed + "-client" + client + "-";
                Random random = new Random(seed * 1_000 + client);
                all.add(threads.submit(() -> {
                    List<CompletableFuture<Receipt>> receipts = new ArrayList<>();
                    for (int i = 0; i < requestsEach; i++) {
                        receipts.add(request(name + i, random));
                    }
                    return receipts;
                }));
            }
        }
        List<Receipt> receipts = new ArrayList<>();
        for (Future<List<CompletableFuture<Receipt>>> client : all) {
            for (CompletableFuture<Receipt> receipt : client.get()) {
                receipts.add(receipt.get(PATIENCE.toSeconds(), TimeUnit.SECONDS));
            }
        }
        return receipts;
    }

    /**
     * Serves as often as it takes until clients have thrown each other out of the cache and one of
     * them had to compute again: another may have been cancelled instead, or found its blocks.
     */
    List<Receipt> serveUntilPreempted(long seed, int clients, int requestsEach) throws Exception {
        List<Receipt> receipts = new ArrayList<>();
        for (int round = 0; recomputedTokens.get() == 0; round++) {
            if (round == MOST_ROUNDS) {
                throw new AssertionError("nothing computed again in " + round + " rounds");
            }
            receipts.addAll(serve(seed * MOST_ROUNDS + round, clients, requestsEach));
        }
        return receipts;
    }

    private CompletableFuture<Receipt> request(String id, Random random)
            throws InterruptedException {
        CompletableFuture<Receipt> receipt = meter.open(new MeteredRequest(id,
                random.nextBoolean() ? "tiny" : "small", "tenant", "/v1/completions"));
        try {
            Generation generation = engine.submit(generationRequest(id, random));
            switch (random.nextInt(5)) {
                case 0 -> {
                    generation.next(PATIENCE);
                    generation.cancel(); // after the first token, or at once if it has none
                }
                case 1 -> {
                    LockSupport.parkNanos(random.nextInt(2_000_000));
                    generation.cancel(); // a client that vanished and reads no more
                }
                default -> readToEnd(generation);
            }
        } catch (OverloadException | IllegalArgumentException e) {
            meter.refuse(id, e.getMessage());
            LockSupport.parkNanos(500_000);
        }
        return receipt;
    }

    private static GenerationRequest generationRequest(String id, Random random) {
        int[] prompt = new int[1 + random.nextInt(60)];
        for (int i = 0; i < prompt.length; i++) {
            // few different tokens, so that prompts share beginnings
            prompt[i] = FakeTokenizer.FIRST_BYTE + 'a' + (i < 16 ? 0 : random.nextInt(20));
        }
        switch (random.nextInt(25)) {
            case 0 -> prompt[prompt.length - 1] = POISON;
            case 1 -> prompt[prompt.length - 1] = BOMB;
            case 2 -> prompt = new int[SETTINGS.contextTokens() + 1]; // refused
            default -> {
            }
        }
        return Requests.of(id, prompt, 1 + random.nextInt(60));
    }

    private static void readToEnd(Generation generation) throws InterruptedException {
        GenerationEvent event = null;
        while (!(event instanceof GenerationEvent.Finished)) {
            event = generation.next(PATIENCE);
            if (event == null) {
                throw new AssertionError(generation.id() + " said nothing for " + PATIENCE);
            }
        }
    }

    @Override
    public void close() {
        engine.close();
        meter.close();
    }
}

package dev.millrace.bench.ledger;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.LaneReading;
import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.EnergySource;
import dev.millrace.server.metering.MeterLimits;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.UsageLedger;
import dev.millrace.server.metering.UsageMeter;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A busy day in less time: the real meter and ledger under a clock and a device that run faster,
 * with requests of all lengths from many tenants that share steps, some of them cancelled.
 */
final class SimulatedDay {

    static final int MODELS = 4;
    static final int TENANTS = 20;

    private static final int BATCH = 8;
    private static final int WAITING = MeterLimits.DEFAULT.accounts() * 2 / 3;
    private static final long STEP_NANOS = 40_000;
    private static final String[] ENDPOINTS = {"/v1/chat/completions", "/v1/completions"};

    private final LedgerAddress ledger;
    private final int speed;

    SimulatedDay(LedgerAddress ledger, int speed) {
        this.ledger = ledger;
        this.speed = speed;
    }

    /** What came of it. */
    record Outcome(long requests, double seconds) {

        double perSecond() {
            return requests / seconds;
        }
    }

    /** Runs until the clock has gone on by so much; requests wait for nothing but the ledger. */
    Outcome run(Instant began, long simulatedSeconds) {
        UsageLedger opened = UsageLedger.open(ledger);
        FastClock clock = new FastClock(began, speed); // making the tables is no part of the day
        AtomicLong stepNanos = new AtomicLong();
        long started = System.nanoTime();
        long requests = 0;
        try (UsageMeter meter = UsageMeter.start(opened,
                RateSchedule.of(CostModel.ofRent(3_600_000_000L, false)),
                StepWeights.DEFAULT, () -> {
                    long steps = stepNanos.get(); // read first: the device never falls behind it
                    long elapsed = Math.max(steps, clock.elapsedNanos());
                    return new LaneReading(elapsed, steps, 0, elapsed - steps);
                }, EnergySource.NONE, clock, MeterLimits.DEFAULT)) {
            SplittableRandom random = new SplittableRandom(began.toEpochMilli());
            do {
                while (meter.status().unpaidAccounts() > WAITING) {
                    LockSupport.parkNanos(1_000_000);
                }
                for (int i = 0; i < BATCH; i++) {
                    serve(meter, began.getEpochSecond() + "-" + requests / BATCH, random,
                            stepNanos);
                    requests += BATCH;
                }
            } while (clock.elapsedNanos() < simulatedSeconds * 1_000_000_000L);
        }
        return new Outcome(requests, (System.nanoTime() - started) * 1e-9);
    }

    private static void serve(UsageMeter meter, String name, SplittableRandom random,
            AtomicLong stepNanos) {
        List<StepShare> prompts = new ArrayList<>(BATCH);
        List<StepShare> decodes = new ArrayList<>(BATCH);
        for (int i = 0; i < BATCH; i++) {
            String id = "r" + name + "-" + i;
            int tenant = random.nextInt(TENANTS);
            meter.open(new MeteredRequest(id, "model-" + random.nextInt(MODELS),
                    "tenant-" + tenant, ENDPOINTS[random.nextInt(ENDPOINTS.length)],
                    "key-" + tenant));
            prompts.add(new StepShare(id, 20 + random.nextInt(200), 0, 0, 9_000));
            decodes.add(new StepShare(id, 0, 0, 1, 200));
        }
        for (List<StepShare> step : List.of(prompts, decodes)) {
            stepNanos.addAndGet(STEP_NANOS);
            meter.onStep(new StepRecord(STEP_NANOS, step));
        }
        for (StepShare prompt : prompts) {
            meter.onFinished(new FinishedRequest(prompt.requestId(), random.nextInt(20) == 0
                    ? FinishReason.CANCELLED
                    : FinishReason.STOP, new TokenUsage(prompt.promptTokens(), 0, 2),
                    new RequestTimings(0, 0, 0)));
        }
    }
}

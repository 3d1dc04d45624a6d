package dev.millrace.bench.overhead;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.Vocabulary;
import dev.millrace.models.AttentionSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.store.Licence;
import dev.millrace.server.http.HttpSettings;
import dev.millrace.server.http.MillraceServer;
import dev.millrace.server.metering.RaplEnergySource;
import dev.millrace.server.metering.UsageLedger;
import dev.millrace.server.metering.UsageMeter;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.metering.rate.RateSchedule;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.tenants.KeyRing;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A whole server, ledger and all, whose model takes no time. */
final class StubServer implements AutoCloseable {

    static final String MODEL = "stub";
    private static final int CONTEXT_TOKENS = 2048;
    private static final int BLOCK_TOKENS = 16;

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(
            PrometheusConfig.DEFAULT);
    private final BatchingEngine engine;
    private final UsageMeter meter;
    private final TimedObserver observer;
    private final MillraceServer server;
    private final int port;

    /** @param streams how many sequences one step may have */
    StubServer(Path ledger, int streams) {
        DeviceLane lane = new DeviceLane();
        meter = UsageMeter.start(UsageLedger.open(ledger), RateSchedule.configured(null),
                StepWeights.DEFAULT, lane::reading,
                RaplEnergySource.find(RaplEnergySource.POWERCAP));
        observer = new TimedObserver(meter.steps(MODEL, "none", StepWeights.DEFAULT));
        ByteTokenizer tokenizer = new ByteTokenizer();
        engine = BatchingEngine.start(MODEL,
                new InstantPass('a', streams * CONTEXT_TOKENS / BLOCK_TOKENS),
                Vocabulary.of(tokenizer, tokenizer.vocabularySize()),
                new EngineSettings(streams, 4 * streams, CONTEXT_TOKENS, 2 * streams,
                        streams * CONTEXT_TOKENS, true),
                lane, observer);
        server = new MillraceServer(new HttpSettings("127.0.0.1", 0, HttpLimits.DEFAULT),
                List.of(new ServedModel(MODEL, spec(tokenizer), tokenizer, Optional.empty(), engine,
                        CONTEXT_TOKENS, "nothing", Instant.now(), Licence.of("mit"))),
                List.of(), Optional.empty(), meter, BudgetGate.open(), KeyRing.empty(),
                Optional.empty(),
                Optional.empty(), registry);
        port = server.start();
    }

    private static ModelSpec spec(ByteTokenizer tokenizer) {
        return ModelSpec.uniform("stub", MODEL, tokenizer.vocabularySize(), CONTEXT_TOKENS, 8,
                1e-5f, AttentionSpec.of(1, 1, 8), 1,
                new LayerSpec(new RopeSpec(RopeSpec.Layout.ADJACENT, 8, 10_000),
                        FeedForwardSpec.dense(8)));
    }

    int port() {
        return port;
    }

    /**
     * The engine's part so far.
     *
     * @param answers that it has begun
     * @param millis  from their submission to the engine to their first tokens, together
     */
    record FirstTokens(long answers, double millis) {

        /** The average since an earlier reading. */
        double meanMillisSince(FirstTokens before) {
            return (millis - before.millis) / Math.max(1, answers - before.answers);
        }
    }

    /** What the meter has taken of the engine's thread so far. */
    long meterNanos() {
        return observer.nanos();
    }

    FirstTokens firstTokens() {
        Timer timer = registry.get("vllm:time_to_first_token").timer();
        return new FirstTokens(timer.count(), timer.totalTime(TimeUnit.MILLISECONDS));
    }

    @Override
    public void close() {
        server.stop(Duration.ofSeconds(5));
        engine.close();
        meter.close();
    }
}

package dev.millrace.server.cli;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.StepRecord;
import dev.millrace.server.wiring.LoadedAdapter;
import dev.millrace.server.wiring.LoadedModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** Runs a single request on an engine of its own and prints it as it comes. */
final class OneGeneration {

    private static final Duration POLL = Duration.ofSeconds(1);

    private OneGeneration() {}

    /** @param adapter to apply; null for none */
    static RunReport run(LoadedModel loaded, GenerationRequest request, Path adapter,
            GenerationPrinter printer) throws InterruptedException {
        AtomicLong deviceNanos = new AtomicLong();
        StepObserver observer = new StepObserver() {
            @Override
            public void onStep(StepRecord step) {
                deviceNanos.addAndGet(step.deviceNanos());
            }

            @Override
            public void onFinished(FinishedRequest finished) {
                // Its event says the same.
            }
        };
        EngineSettings settings = new EngineSettings(1, loaded.stepTokens(), loaded.contextTokens(),
                1, loaded.contextTokens(), false);
        try (BatchingEngine engine = BatchingEngine.start("run", loaded.pass(),
                loaded.vocabulary(), settings, loaded.lane(), observer)) {
            Generation generation = engine.submit(adapter == null
                    ? request
                    : request.withAdapter(LoadedAdapter.load(adapter, loaded.spec(),
                            engine::loadAdapter)));
            while (true) {
                GenerationEvent event = generation.next(POLL);
                if (event instanceof GenerationEvent.Token token) {
                    printer.token(token);
                } else if (event instanceof GenerationEvent.Finished finished) {
                    printer.end();
                    return new RunReport(finished, deviceNanos.get());
                }
            }
        }
    }
}

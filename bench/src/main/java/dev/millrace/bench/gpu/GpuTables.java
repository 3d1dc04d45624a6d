package dev.millrace.bench.gpu;

import dev.millrace.bench.model.ModelTest;
import dev.millrace.bench.model.OpenModel;
import dev.millrace.bench.model.Rounds;
import dev.millrace.bench.peer.PairedTest;
import dev.millrace.bench.peer.PeerTurns;
import dev.millrace.engine.forward.Backend;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cuda.ExchangeProbe;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** Measures a model on a device, test by test, and beside a peer where there is one. */
final class GpuTables {

    private final GpuOptions options;
    private final Backend backend;
    private final GpuLimits limits;
    private final Optional<ExchangeProbe> exchanges;
    private final GpuEnergy energy;
    private final GpuReport report;
    private final long memoryBytes;

    /**
     * @param exchanges   between several devices
     * @param memoryBytes that a model with its cache may take on the devices
     */
    GpuTables(GpuOptions options, Backend backend, GpuLimits limits,
            Optional<ExchangeProbe> exchanges, GpuEnergy energy, GpuReport report,
            long memoryBytes) {
        this.options = options;
        this.backend = backend;
        this.limits = limits;
        this.exchanges = exchanges;
        this.energy = energy;
        this.report = report;
        this.memoryBytes = memoryBytes;
    }

    void measure(Subject subject) throws IOException, InterruptedException {
        List<ModelTest> tests = new ArrayList<>(options.tests());
        tests.removeIf(test -> {
            boolean tooLong = test.contextTokens() > subject.spec().contextTokens();
            if (tooLong) {
                report.leftOut(test, "the model's context is " + subject.spec().contextTokens()
                        + " tokens");
            }
            return tooLong;
        });
        for (KvFormat format : options.formats()) {
            if (!tests.isEmpty()) {
                try (OpenModel open = open(subject, tests, format)) {
                    report.table(subject, format, energy.description());
                    for (ModelTest test : tests) {
                        measure(subject, format, open, test);
                    }
                }
            }
            for (int peer = 0; peer < options.peers.size(); peer++) {
                compare(subject, format, peer);
            }
        }
    }

    private OpenModel open(Subject subject, List<ModelTest> tests, KvFormat format) {
        return OpenModel.of(subject.spec(), subject.weights(), backend,
                limits::readGigabytesPerSecond, tests, options.stepTokens, memoryBytes, format);
    }

    private void measure(Subject subject, KvFormat format, OpenModel open, ModelTest test)
            throws IOException {
        if (!open.holds(test)) {
            report.leftOut(test, "its cache does not fit the memory");
            return;
        }
        double peak = limits.teraflops();
        Rounds rounds = open.measure(test, options.rounds);
        OptionalDouble joules = energy.joulesPerToken(() -> open.round(test),
                test.measuredTokens(), options.energySeconds);
        GpuMeasurement measurement = GpuMeasurement.of(open, test, rounds, peak, joules,
                options.dollarsPerHour);
        report.add(subject, format, measurement);
        if (exchanges.isPresent()) {
            report.add(subject, format, ExchangeTime.of(exchanges.get(), subject.spec(), test,
                    options.stepTokens, measurement.tokensPerSecond().median()));
        }
    }

    private void compare(Subject subject, KvFormat format, int peer)
            throws IOException, InterruptedException {
        PeerTurns turns = new PeerTurns(options.peers.get(peer), subject.file() == null
                ? Map.of()
                : Map.of("model", subject.file()), Duration.ofSeconds(options.peerTimeoutSeconds));
        List<ModelTest> tests = turns.begin(subject.spec().contextTokens());
        try (OpenModel open = open(subject, tests, format)) {
            tests.forEach(open::round); // whole once, so that everything is compiled
            for (PairedTest test : turns.measure(open, options.pairs)) {
                report.add(subject, format, options.peerName(peer), test);
            }
        }
    }
}

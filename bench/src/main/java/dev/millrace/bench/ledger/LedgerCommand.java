package dev.millrace.bench.ledger;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.server.dashboard.LedgerOverview;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerView;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.prices.PriceCatalog;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bench ledger}: how much the ledger takes, and how fast the dashboard reads it. */
@Command(name = "ledger", description = "Append a simulated day to a new ledger, fill it up, and"
        + " measure what the dashboard reads. The books must balance all the while.")
public final class LedgerCommand implements Callable<Integer> {

    private static final int ROUNDS = 9;
    private static final double MILLIS = 1e-6;

    @Option(names = "--ledger", required = true, paramLabel = "FILE|URL",
            description = "A new file, or an empty schema of PostgreSQL's.")
    private String ledger;

    @Option(names = "--speed", paramLabel = "N",
            description = "How many times as fast as the clock (default: ${DEFAULT-VALUE}).")
    private int speed = 1_000;

    @Option(names = "--hours", paramLabel = "N",
            description = "Simulated hours (default: ${DEFAULT-VALUE}).")
    private int hours = 24;

    @Option(names = "--rows", paramLabel = "N", description = "Rows to read beside"
            + " (default: ${DEFAULT-VALUE}).")
    private long rows = 10_000_000;

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    private Path results = Path.of("bench/results/ledger.jsonl");

    @Override
    public Integer call() throws IOException, SQLException {
        if (speed < 1 || hours < 1 || hours > 24 || rows < 0) {
            throw new IllegalArgumentException("--speed must be at least 1, --hours 1 to 24 and"
                    + " --rows at least 0");
        }
        LedgerAddress address = LedgerAddress.of(ledger);
        Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        SimulatedDay.Outcome day = new SimulatedDay(address, speed)
                .run(now.minus(hours, ChronoUnit.HOURS), hours * 3_600L);
        requireRight(address);
        System.out.printf(Locale.ROOT, "%d requests of %d hours in %.1f s: %.0f per second; the"
                + " books balance%n", day.requests(), hours, day.seconds(), day.perSecond());
        if (rows > 0) {
            LedgerFill.upTo(address, rows, now.toEpochMilli());
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("database", address.remote() ? "PostgreSQL" : "SQLite");
        result.put("speed", speed);
        result.put("hours", hours);
        result.put("requests", day.requests());
        result.put("seconds", day.seconds());
        result.put("requests_per_second", day.perSecond());
        result.put("load_average", ManagementFactory.getOperatingSystemMXBean()
                .getSystemLoadAverage()); // of the last minute: what else the machine did
        result.put("rows", LedgerFill.rows(address));
        result.put("read_p50_ms", readings(address, now.toEpochMilli()));
        new ResultLog(results, Hardware.detect()).append("ledger", result);
        return 0;
    }

    private static void requireRight(LedgerAddress address) {
        try (LedgerReader reader = LedgerReader.open(address)) {
            if (!reader.summary().balance().balances() || reader.audit().isPresent()) {
                throw new BenchException("the books do not balance: " + reader.audit().orElse(""));
            }
        }
    }

    /** What the dashboard gets for each of its windows, and the summary. */
    private static Map<String, Double> readings(LedgerAddress address, long nowMillis) {
        Map<String, Double> medians = new LinkedHashMap<>();
        Counterfactual elsewhere = Counterfactual.of(PriceCatalog.bundled(LocalDate.now()));
        try (LedgerView view = new LedgerView(address)) {
            for (String window : LedgerOverview.windows()) {
                median(window, medians, () -> LedgerOverview.read(view, elsewhere, window,
                        nowMillis));
            }
            median("summary", medians, () -> view.read(LedgerReader::summary));
        }
        return medians;
    }

    private static void median(String name, Map<String, Double> medians, Runnable reading) {
        double[] millis = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            long began = System.nanoTime();
            reading.run();
            millis[i] = (System.nanoTime() - began) * MILLIS;
        }
        Arrays.sort(millis);
        medians.put(name, millis[ROUNDS / 2]);
        System.out.printf(Locale.ROOT, "%-8s %8.1f ms (%.1f to %.1f)%n", name,
                millis[ROUNDS / 2], millis[0], millis[ROUNDS - 1]);
    }
}

package dev.millrace.server.cli.cost;

import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.report.RatePeriod;
import dev.millrace.server.metering.report.TraceRow;
import dev.millrace.server.metering.report.UseGroup;
import java.io.PrintStream;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code millrace cost report}: what groups of requests have cost. */
@Command(name = "report", description = "Show what requests have cost, by model, tenant, key,"
        + " endpoint, hour or day, on both bases.")
final class ReportCommand implements Callable<Integer> {

    private static final int UNBALANCED = 3;
    private static final double NANOS_PER_HOUR = 3.6e12;

    /** What requests are grouped by. */
    enum Grouping {
        MODEL,
        TENANT,
        KEY,
        ENDPOINT,
        HOUR,
        DAY;

        String of(TraceRow row) {
            return switch (this) {
                case MODEL -> row.model();
                case TENANT -> row.tenant();
                case KEY -> row.keyId() == null ? "(none)" : row.keyId();
                case ENDPOINT -> row.endpoint();
                case HOUR -> time(row, ChronoUnit.HOURS).substring(0, 16);
                case DAY -> time(row, ChronoUnit.DAYS).substring(0, 10);
            };
        }

        private static String time(TraceRow row, ChronoUnit unit) {
            return Instant.ofEpochMilli(row.finishedMillis()).truncatedTo(unit).toString();
        }
    }

    private final PrintStream out;
    private final Map<String, String> environment;

    @Mixin
    private LedgerChoice ledger;

    @Option(names = "--by", paramLabel = "WHAT", defaultValue = "model",
            description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}); times are UTC.")
    private Grouping by;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    ReportCommand(PrintStream out, Map<String, String> environment) {
        this.out = out;
        this.environment = environment;
    }

    @Override
    public Integer call() {
        Map<String, UseGroup> groups = new TreeMap<>();
        UseGroup all = new UseGroup();
        LedgerSummary summary;
        double grams = 0;
        try (LedgerReader reader = ledger.open(environment)) {
            summary = reader.summary();
            reader.forEachRequest(row -> {
                groups.computeIfAbsent(by.of(row), name -> new UseGroup()).add(row);
                all.add(row);
            });
            for (RatePeriod period : reader.ratePeriods()) {
                grams += period.rate().milligramsCo2PerHour() * 1e-3 * period.laneNanos()
                        / NANOS_PER_HOUR;
            }
        }
        if (json) {
            out.println(json(groups, all, summary, grams).toPrettyString());
        } else {
            print(groups, all, summary, grams);
        }
        return summary.balance().balances() ? 0 : UNBALANCED;
    }

    private void print(Map<String, UseGroup> groups, UseGroup all, LedgerSummary summary,
            double grams) {
        double factor = summary.allocationFactor();
        TextTable table = new TextTable(by.name(), "REQUESTS", "PROMPT", "CACHED", "COMPLETION",
                "USD USED", "USD OF BILL", "$/M IN", "$/M OUT", "$/M BLEND", "$/M 3:1", "J/TOKEN",
                "gCO2");
        groups.forEach((name, group) -> row(table, name, group, factor,
                share(group, all) * grams));
        row(table, "all", all, factor, grams);
        table.print(out);
        out.printf(Locale.ROOT, "$/M are USD per million tokens of the bill, idle time included"
                + " (x %s what was used); BLEND is this mixture, cached tokens included%s%n",
                Double.isNaN(factor) ? "-" : Money.times(factor),
                summary.assumed() ? "; the rate is assumed" : "");
        if (!summary.balance().balances()) {
            out.println("THE BOOKS DO NOT BALANCE: see ./millrace cost reconcile");
        }
    }

    private static void row(TextTable table, String name, UseGroup group, double factor,
            double grams) {
        table.row(name, String.valueOf(group.requests()), Money.count(group.promptTokens()),
                Money.count(group.cachedTokens()), Money.count(group.completionTokens()),
                Money.usd(group.costNanoUsd()), Double.isNaN(factor)
                        ? "-"
                        : Money.usd(Math.round(group.costNanoUsd() * factor)),
                Money.perMillion(group.inputUsdPerMillion() * factor),
                Money.perMillion(group.outputUsdPerMillion() * factor),
                Money.perMillion(group.blendedUsdPerMillion() * factor),
                Money.perMillion(group.threeToOneUsdPerMillion() * factor),
                Double.isNaN(group.joulesPerToken())
                        ? "-"
                        : String.format(Locale.ROOT, "%.3f", group.joulesPerToken()),
                grams == 0 ? "-" : String.format(Locale.ROOT, "%.2f", grams));
    }

    /** A group's share of the requests' cost. */
    private static double share(UseGroup group, UseGroup all) {
        return all.costNanoUsd() == 0 ? 0 : (double) group.costNanoUsd() / all.costNanoUsd();
    }

    private ObjectNode json(Map<String, UseGroup> groups, UseGroup all, LedgerSummary summary,
            double grams) {
        double factor = summary.allocationFactor();
        ObjectNode root = new JsonMapper().createObjectNode()
                .put("by", by.name().toLowerCase(Locale.ROOT)).put("assumed", summary.assumed())
                .put("balances", summary.balance().balances());
        PriceJson.putNumber(root, "allocation_factor", factor);
        ArrayNode list = root.putArray("groups");
        groups.forEach((name, group) -> {
            ObjectNode node = list.addObject().put("name", name)
                    .put("requests", group.requests()).put("prompt_tokens", group.promptTokens())
                    .put("cached_tokens", group.cachedTokens())
                    .put("completion_tokens", group.completionTokens())
                    .put("prefill_nanos", group.prefillNanos())
                    .put("decode_nanos", group.decodeNanos())
                    .put("usage_nano_usd", group.costNanoUsd())
                    .put("grams_co2", share(group, all) * grams);
            PriceJson.putNumber(node, "allocation_nano_usd", group.costNanoUsd() * factor);
            PriceJson.putNumber(node, "input_usd_per_million",
                    group.inputUsdPerMillion() * factor);
            PriceJson.putNumber(node, "output_usd_per_million",
                    group.outputUsdPerMillion() * factor);
            PriceJson.putNumber(node, "blended_usd_per_million",
                    group.blendedUsdPerMillion() * factor);
            PriceJson.putNumber(node, "joules_per_token", group.joulesPerToken());
        });
        return root;
    }
}

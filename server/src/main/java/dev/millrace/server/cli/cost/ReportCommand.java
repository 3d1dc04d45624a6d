package dev.millrace.server.cli.cost;

import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.report.RatePeriod;
import dev.millrace.server.metering.report.RowGrouping;
import dev.millrace.server.metering.report.UseGroup;
import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code millrace cost report}: what groups of requests have cost. */
@Command(name = "report", description = "Show what requests have cost, in groups, on both"
        + " bases.")
final class ReportCommand implements Callable<Integer> {

    private static final int UNBALANCED = 3;
    private static final double NANOS_PER_HOUR = 3.6e12;

    private final PrintStream out;
    private final Map<String, String> environment;

    @Mixin
    private LedgerChoice ledger;

    @Option(names = "--by", paramLabel = "WHAT", defaultValue = "model",
            description = RowGrouping.CHOICES + " (default: ${DEFAULT-VALUE}); times are UTC.")
    private String groupedBy;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    ReportCommand(PrintStream out, Map<String, String> environment) {
        this.out = out;
        this.environment = environment;
    }

    @Override
    public Integer call() {
        RowGrouping by = RowGrouping.parse(groupedBy);
        Map<String, UseGroup> groups = by.groups();
        UseGroup all = new UseGroup();
        LedgerSummary summary;
        double grams = 0;
        try (LedgerReader reader = ledger.open(environment)) {
            summary = reader.summary();
            reader.forEachRequest(row -> {
                by.add(groups, row);
                all.add(row);
            });
            for (RatePeriod period : reader.ratePeriods()) {
                grams += period.rate().milligramsCo2PerHour() * 1e-3 * period.laneNanos()
                        / NANOS_PER_HOUR;
            }
        }
        if (json) {
            out.println(json(by, groups, all, summary, grams).toPrettyString());
        } else {
            print(by, groups, all, summary, grams);
        }
        return summary.balance().balances() ? 0 : UNBALANCED;
    }

    private void print(RowGrouping by, Map<String, UseGroup> groups, UseGroup all,
            LedgerSummary summary, double grams) {
        double factor = summary.allocationFactor();
        TextTable table = new TextTable(by.name().startsWith("tag:")
                ? by.name()
                : by.name().toUpperCase(Locale.ROOT), "REQUESTS", "PROMPT", "CACHED", "COMPLETION",
                "USD USED", "USD OF BILL", "CHARGED", "$/M IN", "$/M OUT", "$/M BLEND", "$/M 3:1",
                "J/TOKEN",
                "gCO2");
        groups.forEach((name, group) -> row(table, name, group, factor,
                share(group, all) * grams));
        row(table, "all", all, factor, grams);
        table.print(out);
        out.printf(Locale.ROOT, "$/M are USD per million tokens of the bill, idle time included"
                + " (x %s what was used); BLEND is this mixture, cached tokens included%s%n",
                Double.isNaN(factor) ? "-" : Money.times(factor),
                summary.assumed() ? "; the rate is assumed" : "");
        if (!summary.energySources().isEmpty()) {
            out.println("energy: " + String.join("; at other times: ", summary.energySources()));
        }
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
                Money.usd(group.chargedNanoUsd()),
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

    private ObjectNode json(RowGrouping by, Map<String, UseGroup> groups, UseGroup all,
            LedgerSummary summary, double grams) {
        double factor = summary.allocationFactor();
        ObjectNode root = new JsonMapper().createObjectNode()
                .put("by", by.name()).put("assumed", summary.assumed())
                .put("balances", summary.balance().balances());
        PriceJson.putNumber(root, "allocation_factor", factor);
        ArrayNode sources = root.putArray("energy_sources");
        summary.energySources().forEach(sources::add);
        ArrayNode list = root.putArray("groups");
        groups.forEach((name, group) -> {
            ObjectNode node = list.addObject().put("name", name)
                    .put("requests", group.requests()).put("prompt_tokens", group.promptTokens())
                    .put("cached_tokens", group.cachedTokens())
                    .put("completion_tokens", group.completionTokens())
                    .put("prefill_nanos", group.prefillNanos())
                    .put("decode_nanos", group.decodeNanos())
                    .put("usage_nano_usd", group.costNanoUsd())
                    .put("charged_nano_usd", group.chargedNanoUsd())
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

package dev.millrace.server.cli.cost;

import dev.millrace.server.metering.LedgerBalance;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.LedgerSummary.ModelUse;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.prices.HostedPrice;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.metering.report.FidelityFile;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A ledger's sums beside hosted prices, for people and for programs. */
final class CostReport {

    static final String NOTHING_JSON = "{\"requests\":0,\"models\":[],\"balances\":true}";

    private static final String MARK = " (assumed)";
    /** The lines of the bill, in the order of the invariant. */
    private static final List<String> LINES = List.of(LedgerBalance.REQUESTS, "open", "in_flight",
            "recompute", "rejected", "overhead", "idle", "offline", "unrecorded", "rounding");

    private final LedgerAddress ledger;
    private final LedgerSummary summary;
    private final PriceCatalog prices;
    private final FidelityFile fidelity;
    private final Optional<String> audit;
    private final StringBuilder text = new StringBuilder();

    CostReport(LedgerAddress ledger, LedgerSummary summary, PriceCatalog prices,
            FidelityFile fidelity, Optional<String> audit) {
        this.audit = audit;
        this.fidelity = fidelity;
        this.ledger = ledger;
        this.summary = summary;
        this.prices = prices;
    }

    /** The report as lines of text. */
    String text() {
        text.setLength(0);
        line("ledger   %s", ledger);
        if (summary.beganMillis() == 0) {
            line("Nothing has been metered yet.");
            return text.toString();
        }
        line("from     %s to %s", time(summary.beganMillis()), time(summary.heartbeatMillis()));
        line("rate     %.6f USD/h%s", summary.nanoUsdPerHour() / 1e9, summary.assumed()
                ? MARK + ": the default profile, at least in part; give the machine's real costs"
                        + " in millrace.yaml, see docs/cost.md"
                : "");
        line("requests %,d", summary.requests());
        line("");
        bill();
        for (ModelUse model : summary.models()) {
            line("");
            model(model);
        }
        return text.toString();
    }

    private void bill() {
        Map<String, Long> lines = summary.balance().linesNanoUsd();
        line("%-12s %16s %18s", "bill", "seconds", "USD");
        for (String name : LINES) {
            long nanoUsd = lines.getOrDefault(name, 0L);
            long nanos = summary.machineNanos().getOrDefault(name, 0L);
            if (nanoUsd != 0 || nanos != 0) {
                line("  %-10s %16.3f %18s", name, nanos / 1e9, usd(nanoUsd));
            }
        }
        LedgerBalance balance = summary.balance();
        line("  %-10s %16s %18s", "sum", "", usd(balance.chargedNanoUsd()));
        line("  %-10s %16s %18s  %s", "rate x time", "", usd(balance.billNanoUsd()),
                balance.balances()
                        ? "balances to the nano-dollar"
                        : "DOES NOT BALANCE: off by " + usd(balance.differenceNanoUsd()) + " USD");
        if (!summary.energySources().isEmpty()) {
            line("  energy: %s", String.join("; at other times: ", summary.energySources()));
        }
        audit.ifPresent(where -> line("THE ROWS ARE NOT THEIR SUMS: %s", where));
    }

    private void model(ModelUse model) {
        String mark = summary.assumed() ? MARK : "";
        line("%s: %,d requests; tokens: %,d prompt (%,d cached), %,d completion; device %.3f s%s",
                model.model(), model.requests(), model.promptTokens(), model.cachedTokens(),
                model.completionTokens(), (model.prefillNanos() + model.decodeNanos()) / 1e9,
                model.microjoules() < 0 ? "" : "; %.1f J".formatted(model.microjoules() / 1e6));
        line("  %-34s %12s %12s", "USD per million tokens", "input", "output");
        priceLine("here, usage" + mark, model.inputUsdPerMillion(), model.outputUsdPerMillion(),
                "what the requests used");
        double factor = summary.allocationFactor();
        priceLine("here, allocation" + mark, model.inputUsdPerMillion() * factor,
                model.outputUsdPerMillion() * factor, "the whole bill, idle time included");
        fidelity.of(model.model()).ifPresent(found -> line("  %s", found.sentence()));
        PriceCatalog.Match match = prices.match(model.model());
        if (match.prices().isEmpty()) {
            line("  no hosted model compares with it");
            return;
        }
        line("  %s: %s (%d prices; cheapest, middle, dearest)", match.same()
                ? "same model hosted"
                : "no price of this model is known; the nearest hosted", match.model(),
                match.prices().size());
        for (HostedPrice price : match.three()) {
            priceLine(price.provider(), price.inputUsdPerMillion(), price.outputUsdPerMillion(),
                    price.asOf().toString());
        }
        line("  sources: %s", String.join(", ", match.three().stream().map(HostedPrice::source)
                .distinct().toList()));
        prices.staleness(match.three()).ifPresent(warning -> line("  note: %s", warning));
    }

    private void priceLine(String name, double input, double output, String note) {
        line("  %-34s %12s %12s  %s", name, perMillion(input), perMillion(output), note);
    }

    private void line(String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append(System.lineSeparator());
    }

    private static String perMillion(double usd) {
        return Double.isNaN(usd) ? "-" : String.format(Locale.ROOT, "%.4f", usd);
    }

    private static String usd(long nanoUsd) {
        return BigDecimal.valueOf(nanoUsd, 9).toPlainString();
    }

    private static String time(long millis) {
        return Instant.ofEpochMilli(millis).truncatedTo(ChronoUnit.SECONDS).toString();
    }

    /** The report as one JSON object. */
    String json() {
        ObjectNode report = new JsonMapper().createObjectNode();
        report.put("ledger", ledger.toString());
        report.put("usd_per_hour", summary.nanoUsdPerHour() / 1e9);
        report.put("assumed", summary.assumed());
        report.put("requests", summary.requests());
        if (summary.beganMillis() != 0) {
            report.put("from", time(summary.beganMillis()));
            report.put("to", time(summary.heartbeatMillis()));
        }
        ObjectNode bill = report.putObject("bill_nano_usd");
        summary.balance().linesNanoUsd().forEach(bill::put);
        ObjectNode nanos = report.putObject("nanoseconds");
        summary.machineNanos().forEach(nanos::put);
        report.put("charged_nano_usd", summary.balance().chargedNanoUsd());
        report.put("rate_times_time_nano_usd", summary.balance().billNanoUsd());
        report.put("difference_nano_usd", summary.balance().differenceNanoUsd());
        report.put("balances", summary.balance().balances());
        report.put("rows_are_their_sums", audit.isEmpty());
        ArrayNode models = report.putArray("models");
        summary.models().forEach(model -> json(models.addObject(), model));
        return report.toPrettyString() + System.lineSeparator();
    }

    private void json(ObjectNode node, ModelUse model) {
        node.put("model", model.model()).put("requests", model.requests())
                .put("prompt_tokens", model.promptTokens())
                .put("cached_tokens", model.cachedTokens())
                .put("computed_tokens", model.computedTokens())
                .put("completion_tokens", model.completionTokens())
                .put("prefill_nanos", model.prefillNanos())
                .put("decode_nanos", model.decodeNanos());
        if (model.microjoules() < 0) {
            node.putNull("joules");
        } else {
            node.put("joules", model.microjoules() / 1e6);
        }
        double factor = summary.allocationFactor();
        prices(node.putObject("usage_usd_per_million"), model, 1);
        prices(node.putObject("allocation_usd_per_million"), model, factor);
        fidelity.of(model.model()).ifPresent(found -> node.set("fidelity",
                FidelityFile.json(found)));
        PriceCatalog.Match match = prices.match(model.model());
        ObjectNode hosted = node.putObject("hosted");
        hosted.put("same_model", match.same()).put("model", match.model());
        ArrayNode list = hosted.putArray("prices");
        for (HostedPrice price : match.three()) {
            PriceJson.put(list.addObject(), price);
        }
    }

    private static void prices(ObjectNode node, ModelUse model, double factor) {
        PriceJson.putNumber(node, "input", model.inputUsdPerMillion() * factor);
        PriceJson.putNumber(node, "output", model.outputUsdPerMillion() * factor);
    }
}

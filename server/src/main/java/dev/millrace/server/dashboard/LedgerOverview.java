package dev.millrace.server.dashboard;

import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.LedgerView;
import dev.millrace.server.metering.prices.Alternative;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.report.RowGrouping;
import dev.millrace.server.metering.report.TraceRow;
import dev.millrace.server.metering.report.UseGroup;
import dev.millrace.server.metering.report.UseSpan;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What the dashboard shows of a window of time, as JSON. */
public final class LedgerOverview {

    private static final Map<String, Window> WINDOWS = new TreeMap<>(Map.of("1h",
            new Window(UseSpan.MINUTE, 60, 1), "24h", new Window(UseSpan.HOUR, 24, 1), "7d",
            new Window(UseSpan.HOUR, 56, 3), "30d", new Window(UseSpan.DAY, 30, 1)));

    /** Requests to look at one by one. */
    private static final int RECENT = 50;
    /** The latest requests, whose sessions are shown: there are no sums of sessions. */
    private static final int SESSION_REQUESTS = 2_000;

    private static final RowGrouping BY_KEY = RowGrouping.parse("key");
    private static final RowGrouping BY_PROJECT = RowGrouping.parse("project");
    private static final RowGrouping BY_SESSION = RowGrouping.parse("session");
    /** Groups of a kind to show, the dearest first. */
    private static final int SHOWN_GROUPS = 100;

    private final LedgerReader reader;
    private final Counterfactual elsewhere;
    private final Map<String, UseGroup> models = new TreeMap<>();
    private final Map<String, UseGroup> tenants = new TreeMap<>();
    private final Map<String, UseGroup> keys = new TreeMap<>();
    private final Map<String, UseGroup> projects = new TreeMap<>();
    private final Map<String, UseGroup> sessions = new TreeMap<>();
    private final UseGroup all = new UseGroup();
    private final UseGroup[] bars;
    private final Window window;
    private final Map<String, Hosted> hosts = new LinkedHashMap<>();
    private final List<TraceRow> recent = new ArrayList<>();
    private double cachedSavingUsd;

    /** A host's prices added up. */
    private static final class Hosted {

        private final Alternative first;
        private long nanoUsd;

        Hosted(Alternative first) {
            this.first = first;
        }
    }

    /**
     * A time up to now, in whole spans: the last of them has not ended.
     *
     * @param barSpans spans to a bar of the plot
     */
    private record Window(UseSpan span, int bars, int barSpans) {

        long barMillis() {
            return span.millis() * barSpans;
        }

        long from(long nowMillis) {
            return span.from(nowMillis) + span.millis() - bars * barMillis();
        }
    }

    /** The windows that there are, by name. */
    public static Set<String> windows() {
        return WINDOWS.keySet();
    }

    /**
     * Reads a window up to now.
     *
     * @param elsewhere where every request is priced too
     * @param window    one of {@link #windows}
     */
    public static String read(LedgerView ledger, Counterfactual elsewhere, String window,
            long nowMillis) {
        return ledger.read(reader -> new LedgerOverview(reader, elsewhere, WINDOWS.get(window))
                .json(nowMillis).toString());
    }

    private LedgerOverview(LedgerReader reader, Counterfactual elsewhere, Window window) {
        this.reader = reader;
        this.elsewhere = elsewhere;
        this.window = window;
        this.bars = new UseGroup[window.bars()];
        for (int i = 0; i < bars.length; i++) {
            bars[i] = new UseGroup();
        }
    }

    private ObjectNode json(long nowMillis) {
        LedgerSummary summary = reader.summary();
        long fromMillis = window.from(nowMillis);
        reader.forEachKind(window.span(), fromMillis, this::add);
        reader.forEachBar(window.span(), fromMillis, sum -> bars[Math.clamp(
                (sum.finishedMillis() - fromMillis) / window.barMillis(), 0, bars.length - 1)]
                .add(sum));
        reader.forLatest(fromMillis, SESSION_REQUESTS, row -> {
            BY_SESSION.add(sessions, row);
            if (recent.size() < RECENT) {
                recent.add(row);
            }
        });
        double factor = summary.allocationFactor();
        ObjectNode root = new JsonMapper().createObjectNode().put("now_ms", nowMillis)
                .put("from_ms", fromMillis).put("began_ms", summary.beganMillis())
                .put("usd_per_hour", summary.nanoUsdPerHour() / 1e9)
                .put("assumed", summary.assumed())
                .put("balances", summary.balance().balances());
        number(root, "allocation_factor", factor);
        ObjectNode lines = root.putObject("bill_nano_usd");
        summary.balance().linesNanoUsd().forEach(lines::put);
        group(root.putObject("all"), all, factor);
        number(root, "cached_saving_usd", cachedSavingUsd * factor);
        groups(root.putArray("models"), models, factor);
        groups(root.putArray("tenants"), tenants, factor);
        groups(root.putArray("keys"), keys, factor);
        groups(root.putArray("projects"), projects, factor);
        groups(root.putArray("sessions"), sessions, factor);
        ArrayNode time = root.putArray("bars");
        for (int i = 0; i < bars.length; i++) {
            ObjectNode bar = time.addObject().put("from_ms",
                    fromMillis + i * window.barMillis());
            group(bar, bars[i], factor);
        }
        hosts(root.putArray("elsewhere"), factor);
        ArrayNode rows = root.putArray("recent");
        recent.forEach(row -> recent(rows.addObject(), row, factor));
        return root;
    }

    private void add(TraceRow row) {
        all.add(row);
        models.computeIfAbsent(row.model(), name -> new UseGroup()).add(row);
        tenants.computeIfAbsent(row.tenant(), name -> new UseGroup()).add(row);
        BY_KEY.add(keys, row);
        BY_PROJECT.add(projects, row);
        if (row.computedTokens() > 0 && row.deviceNanos() > 0) {
            // what the cached tokens would have cost at the price of this prompt's others
            cachedSavingUsd += row.costNanoUsd() * 1e-9 * row.prefillNanos() / row.deviceNanos()
                    / row.computedTokens() * row.cachedTokens();
        }
        TraceRow one = row.one();
        for (Alternative host : elsewhere.price(one.model(), one.promptTokens(),
                Math.min(one.cachedTokens(), one.promptTokens()), one.completionTokens(),
                one.ofBatch())) {
            Hosted hosted = hosts.computeIfAbsent(row.model() + " " + host.provider() + " "
                    + host.model(), name -> new Hosted(host));
            hosted.nanoUsd += row.requests() * host.nanoUsd();
        }
    }

    private void hosts(ArrayNode list, double factor) {
        hosts.forEach((name, hosted) -> {
            String model = name.substring(0, name.indexOf(' '));
            ObjectNode node = list.addObject().put("model", model)
                    .put("provider", hosted.first.provider())
                    .put("hosted_model", hosted.first.model())
                    .put("same_weights", hosted.first.sameWeights())
                    .put("as_of", hosted.first.asOf().toString()).put("nano_usd", hosted.nanoUsd);
            number(node, "saved_nano_usd",
                    hosted.nanoUsd - models.get(model).costNanoUsd() * factor);
        });
    }

    private static void groups(ArrayNode list, Map<String, UseGroup> groups, double factor) {
        groups.entrySet().stream()
                .sorted(Comparator.comparingLong(one -> -one.getValue().costNanoUsd()))
                .limit(SHOWN_GROUPS).forEach(one -> group(
                        list.addObject().put("name", one.getKey()), one.getValue(), factor));
    }

    private static void group(ObjectNode node, UseGroup group, double factor) {
        node.put("requests", group.requests()).put("prompt_tokens", group.promptTokens())
                .put("cached_tokens", group.cachedTokens())
                .put("completion_tokens", group.completionTokens())
                .put("device_nanos", group.deviceNanos())
                .put("usage_nano_usd", group.costNanoUsd());
        number(node, "allocation_nano_usd", group.costNanoUsd() * factor);
        number(node, "input_usd_per_million", group.inputUsdPerMillion() * factor);
        number(node, "output_usd_per_million", group.outputUsdPerMillion() * factor);
        number(node, "joules_per_token", group.joulesPerToken());
    }

    private static void recent(ObjectNode node, TraceRow row, double factor) {
        node.put("id", row.id()).put("model", row.model()).put("tenant", row.tenant())
                .put("key", row.keyId()).put("project", row.project())
                .put("session", row.labels().session()).put("tier", row.tier())
                .put("endpoint", row.endpoint())
                .put("prompt_tokens", row.promptTokens()).put("cached_tokens", row.cachedTokens())
                .put("completion_tokens", row.completionTokens())
                .put("prefill_ms", row.prefillNanos() / 1e6)
                .put("decode_ms", row.decodeNanos() / 1e6)
                .put("usage_nano_usd", row.costNanoUsd())
                .put("finish_reason", row.finishReason()).put("began_ms", row.beganMillis())
                .put("finished_ms", row.finishedMillis());
        number(node, "allocation_nano_usd", row.costNanoUsd() * factor);
        ObjectNode tags = node.putObject("tags");
        row.labels().tags().forEach(tags::put);
        number(node, "joules", row.microjoules() < 0 ? Double.NaN : row.microjoules() / 1e6);
    }

    private static void number(ObjectNode node, String name, double value) {
        if (Double.isFinite(value)) {
            node.put(name, value);
        } else {
            node.putNull(name);
        }
    }
}

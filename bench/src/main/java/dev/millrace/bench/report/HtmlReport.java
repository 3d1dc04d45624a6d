package dev.millrace.bench.report;

import dev.millrace.bench.report.HtmlTable.Column;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Results as one page that needs nothing else: no scripts, fonts or images; light or dark as the
 * reader has it.
 */
public final class HtmlReport {

    private static final String STYLE = """
            :root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#6a737d;--line:#e1e4e8;
            --bar:#2f6f9f}
            @media(prefers-color-scheme:dark){:root{--ink:#e6e8ea;--paper:#15181c;--faint:#98a2ad;
            --line:#30363d;--bar:#5aa2d6}}
            body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
            max-width:70rem;margin:2rem auto;padding:0 1rem}
            h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}h3{font-size:1rem;
            font-weight:normal;color:var(--faint);margin:1.5rem 0 .3rem}
            p{color:var(--faint)}
            table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
            th,td{text-align:right;padding:.15rem .6rem;border-bottom:1px solid var(--line);
            white-space:nowrap}
            th{font-weight:normal;color:var(--faint)}
            th:first-child,td:first-child,th.bar{text-align:left}
            td.bar{width:35%;text-align:left}
            td.bar i{display:block;height:.8em;background:var(--bar);border-radius:2px}
            """;

    private static final HtmlTable COMPARISONS = new HtmlTable("Beside a peer",
            result -> setup(result) + " beside " + result.path("peer").asString("?"),
            List.of(Column.text("test", "test"),
                    Column.number("Millrace tok/s", "tok_per_s", "%.2f"),
                    Column.number("peer tok/s", "peer_tok_per_s", "%.2f"),
                    Column.number("ratio", "ratio", "%.2f"),
                    Column.range("pairs", "ratio", "%.2f"),
                    Column.number("memory GB/s", "memory_read_gb_per_s", "%.1f")),
            result -> HtmlTable.median(result, "ratio"), "ratio");

    private static final HtmlTable MODELS = new HtmlTable("Models", HtmlReport::setup,
            List.of(new Column("test", HtmlReport::test),
                    Column.number("tok/s", "tok_per_s", "%.2f"),
                    Column.range("range", "tok_per_s", "%.2f"),
                    Column.number("GB/s", "gb_per_s", "%.1f"),
                    Column.number("memory GB/s", "memory_read_gb_per_s", "%.1f"),
                    new Column("share", result -> percent(result, "bandwidth_share")),
                    Column.number("GMAC/s", "gmac_per_s", "%.1f")),
            result -> HtmlTable.median(result, "tok_per_s"), "tok/s");

    private static final HtmlTable GPUS = new HtmlTable("GPUs",
            HtmlReport::modelOnGpu,
            List.of(Column.text("test", "test"),
                    Column.number("tok/s", "tok_per_s", "%.2f"),
                    Column.range("range", "tok_per_s", "%.2f"),
                    Column.number("limit", "limit_tok_per_s", "%.0f"),
                    Column.number("GB/s", "gb_per_s", "%.1f"),
                    new Column("of read", result -> percent(result, "bandwidth_share")),
                    Column.number("TFLOP/s", "tflop_per_s", "%.1f"),
                    new Column("of peak", result -> percent(result, "peak_share")),
                    Column.number("J/token", "joules_per_token", "%.4f"),
                    Column.number("$ per million", "usd_per_million", "%.4f")),
            result -> HtmlTable.median(result, "bandwidth_share"), "of read");

    private static final HtmlTable GPU_CHECKS = new HtmlTable("GPUs beside the processor",
            HtmlReport::gpu,
            List.of(Column.text("model", "check"),
                    new Column("right", result -> result.path("passed").asBoolean()
                            ? "yes"
                            : "NO"),
                    Column.number("positions", "positions", "%.0f"),
                    Column.number("unequal", "unequal", "%.0f"),
                    Column.number("logits' error", "logit_error", "%.1e"),
                    Column.number("bound", "bound", "%.0e")),
            result -> HtmlTable.median(result, "logit_error"), "error");

    private static final HtmlTable EXCHANGES = new HtmlTable("Exchanges between GPUs",
            HtmlReport::modelOnGpu,
            List.of(Column.text("test", "test"),
                    Column.number("a step", "exchanges", "%.0f"),
                    Column.number("µs", "exchange_micros", "%.1f"),
                    new Column("of the step", result -> percent(result, "step_share"))),
            result -> HtmlTable.median(result, "exchange_micros"), "µs");

    private static final HtmlTable KERNELS = new HtmlTable("Kernels", HtmlReport::setup,
            List.of(Column.text("format", "format"), Column.text("shape", "shape"),
                    Column.text("rows", "rows"),
                    Column.number("µs", "micros", "%.1f"),
                    Column.number("GB/s", "gb_per_s", "%.1f"),
                    new Column("of read", result -> percent(result, "bandwidth_share")),
                    Column.number("GMAC/s", "gmac_per_s", "%.1f"),
                    new Column("of peak", result -> percent(result, "fma_share"))),
            result -> HtmlTable.median(result, "gmac_per_s"), "GMAC/s");

    private static final HtmlTable SERVING = new HtmlTable("Serving",
            result -> result.path("model").asString("?") + ", "
                    + result.path("workload").asString("?"),
            List.of(Column.text("server", "server"),
                    Column.number("tok/s", "tok_per_s", "%.1f"),
                    Column.number("goodput/s", "goodput_per_s", "%.2f"),
                    percentiles("first token ms", "first_token_ms"),
                    percentiles("gap ms", "token_gap_ms"),
                    percentiles("end ms", "end_ms"),
                    Column.number("$ per million", "usd_per_million", "%.2f"),
                    new Column("failed", result -> {
                        int failed = 0;
                        for (JsonNode count : result.path("failures")) {
                            failed += count.asInt();
                        }
                        return failed + " of " + result.path("requests").asInt();
                    })),
            result -> HtmlTable.median(result, "tok_per_s"), "tok/s");

    /** Which results each table takes, in the order of the page. */
    private static final Map<HtmlTable, Set<String>> TABLES = new LinkedHashMap<>();

    static {
        TABLES.put(COMPARISONS, Set.of("compare"));
        TABLES.put(SERVING, Set.of("serve"));
        TABLES.put(MODELS, Set.of("prefill", "decode"));
        TABLES.put(GPU_CHECKS, Set.of("gpu-check"));
        TABLES.put(GPUS, Set.of("gpu"));
        TABLES.put(EXCHANGES, Set.of("gpu-exchange"));
        TABLES.put(KERNELS, Set.of("matmul"));
    }

    private final List<JsonNode> results = new ArrayList<>();

    /** Adds a line of a file of results. */
    public void add(JsonNode result) {
        results.add(result);
    }

    /**
     * Adds a file of results.
     *
     * @throws IllegalArgumentException naming the first line that is no result
     */
    public void addAll(Path file) throws IOException {
        List<String> lines = Files.readAllLines(file);
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                add(parse(lines.get(i), file + ", line " + (i + 1)));
            }
        }
    }

    private static JsonNode parse(String line, String place) {
        try {
            JsonNode result = JsonMapper.shared().readTree(line);
            if (result.path("benchmark").isString()) {
                return result;
            }
        } catch (JacksonException e) {
            throw new IllegalArgumentException(place + " is not JSON: " + e.getOriginalMessage(),
                    e);
        }
        throw new IllegalArgumentException(place + " is not a result: it has no \"benchmark\"");
    }

    /** Writes the page, over an older one if there is one. */
    public void write(Path file) throws IOException {
        Files.writeString(file, html());
    }

    /** The page. */
    String html() {
        StringBuilder html = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                + "<meta charset=\"utf-8\">\n"
                + "<meta name=\"viewport\" content=\"width=device-width\">\n"
                + "<title>Millrace benchmarks</title>\n<style>\n").append(STYLE)
                .append("</style>\n</head>\n<body>\n<h1>Millrace benchmarks</h1>\n<p>")
                .append(HtmlTable.escape(machines())).append("</p>\n");
        TABLES.forEach((table, benchmarks) -> append(html, table, benchmarks));
        return html.append("</body>\n</html>\n").toString();
    }

    private void append(StringBuilder html, HtmlTable table, Set<String> benchmarks) {
        Map<String, List<JsonNode>> groups = new LinkedHashMap<>();
        for (JsonNode result : results) {
            if (benchmarks.contains(result.path("benchmark").asString())) {
                groups.computeIfAbsent(table.group().apply(result), key -> new ArrayList<>())
                        .add(result);
            }
        }
        if (!groups.isEmpty()) {
            html.append("<h2>").append(HtmlTable.escape(table.title())).append("</h2>\n");
            groups.values().forEach(group -> table.appendTo(html, group));
        }
    }

    /** The machines, commits and days that the results are from. */
    private String machines() {
        Set<String> machines = new TreeSet<>();
        for (JsonNode result : results) {
            JsonNode hardware = result.path("hardware");
            String day = result.path("at").asString("?");
            machines.add(hardware.path("processor").asString("?") + ", "
                    + hardware.path("cores").asInt() + " cores, Java "
                    + hardware.path("java").asString("?") + ", commit "
                    + hardware.path("commit").asString("?") + ", "
                    + day.substring(0, Math.min(day.length(), "2026-01-31".length())));
        }
        return String.join("; ", machines);
    }

    private static String modelOnGpu(JsonNode result) {
        return result.path("model").asString("?") + ", cache in "
                + result.path("kv").asString("?") + ", " + gpu(result);
    }

    private static String gpu(JsonNode result) {
        return (result.has("devices") ? result.path("devices").asInt() + " x " : "")
                + result.path("device").asString("?") + (result.has("emulated")
                        ? " (" + result.path("emulated").asString() + ")"
                        : "");
    }

    private static String setup(JsonNode result) {
        String model = result.path("model").asString("");
        return (model.isEmpty() ? "" : model + ", ") + result.path("kernels").asString("?")
                + " kernels, " + result.path("threads").asInt(1) + " thread(s)";
    }

    /** Results of earlier versions have no name for what they measured. */
    private static String test(JsonNode result) {
        if (result.has("test")) {
            return result.path("test").asString();
        }
        return result.path("benchmark").asString().equals("prefill")
                ? "pp" + result.path("tokens").asInt()
                : "tg x " + result.path("sequences").asInt() + " @ d"
                        + result.path("depth").asInt();
    }

    private static Column percentiles(String title, String field) {
        return new Column(title + " p50 / 95 / 99", result -> {
            JsonNode values = result.path(field);
            return String.format(Locale.ROOT, "%.0f / %.0f / %.0f",
                    values.path("p50").asDouble(Double.NaN),
                    values.path("p95").asDouble(Double.NaN),
                    values.path("p99").asDouble(Double.NaN));
        });
    }

    private static String percent(JsonNode result, String field) {
        double share = HtmlTable.median(result, field);
        return Double.isNaN(share) ? "" : Math.round(100 * share) + " %";
    }
}

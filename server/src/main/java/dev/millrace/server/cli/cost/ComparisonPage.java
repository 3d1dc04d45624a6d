package dev.millrace.server.cli.cost;

import dev.millrace.server.metering.report.Comparison;
import dev.millrace.server.metering.report.Fidelity;
import dev.millrace.server.metering.report.HostComparison;
import dev.millrace.server.metering.report.HostComparison.Swing;
import dev.millrace.server.metering.report.OwnCost;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** A comparison as one HTML page with plots, which loads nothing and runs nothing. */
final class ComparisonPage {

    private static final int POINTS = 60;
    private static final double LEAST_UTILISATION = 0.005;
    private static final String STYLE = """
            :root { color-scheme: light dark; --ink: #1c1e21; --faint: #8a9099; --paper: #fff; }
            @media (prefers-color-scheme: dark) {
              :root { --ink: #e8e9ea; --faint: #7d848d; --paper: #16181b; } }
            body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink);
              background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
            table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
            td, th { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid #8884; }
            td:first-child, th:first-child { text-align: left; }
            svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--ink); }
            .grid { stroke: #8884; } .line { fill: none; stroke-width: 2; }
            .s0 { stroke: #2f7ed8; } .s1 { stroke: #d9541e; } .s2 { stroke: #2f9e62; }
            .s3 { stroke: #8d5bc0; } .s4 { stroke: #b58900; } .s5 { stroke: #c23b80; }
            .wins { color: #2f9e62; } .loses { color: #d9541e; }
            .bar { fill: #2f7ed8; } .zero { stroke: var(--ink); }
            footer { color: var(--faint); }
            """;

    private final Comparison comparison;
    private final Optional<Fidelity> fidelity;
    private final LocalDate day;

    ComparisonPage(Comparison comparison, Optional<Fidelity> fidelity, LocalDate day) {
        this.comparison = comparison;
        this.fidelity = fidelity;
        this.day = day;
    }

    String html() {
        StringBuilder page = new StringBuilder("""
                <!doctype html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta http-equiv="Content-Security-Policy"
                 content="default-src 'none'; style-src 'unsafe-inline'">
                <meta name="viewport" content="width=device-width">
                """);
        page.append("<title>What ").append(escaped(comparison.model()))
                .append(" costs here and elsewhere</title>\n<style>\n").append(STYLE)
                .append("</style>\n</head>\n<body>\n<h1>What ")
                .append(escaped(comparison.model())).append(" costs here and elsewhere</h1>\n");
        page.append(summary()).append("<p>").append(escaped(fidelity.map(Fidelity::sentence)
                .orElse(ComparisonText.UNMEASURED))).append("</p>\n");
        List<HostComparison> hosts = comparison.hosts();
        if (!hosts.isEmpty()) {
            page.append("<h2>The same requests</h2>\n").append(table());
            page.append("<h2>Dollars per million tokens, by how much the machine is used</h2>\n")
                    .append(curve());
            page.append("<h2>Dollars a day, in whole machines</h2>\n").append(stairs());
            page.append("<h2>What moves the ratio to the cheapest, ")
                    .append(escaped(hosts.getFirst().price().provider())).append("</h2>\n")
                    .append(tornado(hosts.getFirst()));
        }
        return page.append("<footer>").append(day).append(
                "; prices are those of their day, listed above. Hosted prices are list prices"
                        + " without taxes; cached tokens are priced as cached.</footer>\n"
                        + "</body>\n</html>\n")
                .toString();
    }

    private String summary() {
        OwnCost own = comparison.own();
        long cheaper = comparison.hosts().stream().filter(host -> host.ratio() > 1).count();
        return String.format(Locale.ROOT, "<p>%,d requests, %s tokens. The bill says that they cost"
                + " <b>%s USD</b>%s (they used %s USD); the machine costs %.4f USD/h, does %.1f"
                + " tokens/s and was used %s of its time.</p>%n<p>As it was used it is <b"
                + " class=\"wins\">cheaper than %d</b> and <b class=\"loses\">dearer than %d</b> of"
                + " the prices of %s.</p>%n", comparison.use().requests(),
                Money.count(comparison.use().tokens()), Money.usd(comparison.allocationNanoUsd()),
                comparison.assumed() ? " at an assumed rate" : "",
                Money.usd(comparison.usageNanoUsd()), own.rateUsdPerHour(), own.tokensPerSecond(),
                Money.percent(own.utilisation()), cheaper, comparison.hosts().size() - cheaper,
                comparison.hosts().isEmpty()
                        ? "nobody: no hosted model compares"
                        : comparison.sameWeights()
                                ? "hosts of the same weights"
                                : "the nearest hosted model, which is not the same one: "
                                        + escaped(comparison.hostedModel()));
    }

    private String table() {
        StringBuilder rows = new StringBuilder("<table><tr><th>host</th><th>USD</th>"
                + "<th>$/M</th><th>ratio</th><th>p5 to p95</th><th>break-even, tokens/day</th>"
                + "<th>as of</th></tr>\n");
        for (HostComparison host : comparison.hosts()) {
            double breakEven = comparison.own().breakEvenTokensPerDay(host.blendedPerMillion());
            rows.append("<tr><td>").append(escaped(host.price().provider()))
                    .append(host.price().gateway() ? " (gateway)" : "").append("</td><td>")
                    .append(Money.usd(host.hostedNanoUsd())).append("</td><td>")
                    .append(Money.perMillion(host.blendedPerMillion())).append("</td><td class=\"")
                    .append(host.ratio() > 1 ? "wins" : "loses").append("\">")
                    .append(Money.times(host.ratio())).append("</td><td>")
                    .append(Double.isNaN(host.p5())
                            ? "too short a trace"
                            : Money.times(host.p5()) + " to " + Money.times(host.p95()))
                    .append("</td><td>")
                    .append(breakEven > comparison.own().tokensPerDay()
                            ? "never"
                            : Money.count(breakEven))
                    .append("</td><td>").append(host.price().asOf()).append("</td></tr>\n");
        }
        return rows.append("</table>\n").toString();
    }

    private String curve() {
        OwnCost own = comparison.own();
        double[] used = new double[POINTS];
        double[] here = new double[POINTS];
        double least = own.usdPerMillionAt(1);
        double most = own.usdPerMillionAt(LEAST_UTILISATION);
        for (int i = 0; i < POINTS; i++) {
            used[i] = LEAST_UTILISATION * Math.pow(1 / LEAST_UTILISATION, i / (POINTS - 1.0));
            here[i] = own.usdPerMillionAt(used[i]);
        }
        for (HostComparison host : shown()) {
            least = Math.min(least, Math.max(host.blendedPerMillion(), 1e-6));
            most = Math.max(most, host.blendedPerMillion());
        }
        SvgPlot plot = new SvgPlot(new SvgPlot.Axis("utilisation", LEAST_UTILISATION, 1, true),
                new SvgPlot.Axis("$/M", least / 1.5, most * 1.5, true)).line("here", used, here);
        for (HostComparison host : shown()) {
            double price = host.blendedPerMillion();
            plot.line(host.price().provider(), new double[]{LEAST_UTILISATION, 1},
                    new double[]{price, price});
        }
        return plot.svg();
    }

    private String stairs() {
        OwnCost own = comparison.own();
        double most = 4 * own.tokensPerDay();
        List<Double> xs = new ArrayList<>(List.of(0.0));
        List<Double> ys = new ArrayList<>(List.of(own.usdPerDay()));
        for (int machines = 1; machines <= 4; machines++) {
            xs.addAll(List.of(machines * own.tokensPerDay(), machines * own.tokensPerDay()));
            ys.addAll(List.of(machines * own.usdPerDay(),
                    Math.min(4, machines + 1) * own.usdPerDay()));
        }
        double dearest = shown().getLast().blendedPerMillion() * most / 1e6;
        SvgPlot plot = new SvgPlot(new SvgPlot.Axis("tokens a day", 0, most, false),
                new SvgPlot.Axis("USD a day", 0, Math.max(dearest, 4 * own.usdPerDay()) * 1.05,
                        false))
                .line("here", doubles(xs), doubles(ys));
        for (HostComparison host : shown()) {
            plot.line(host.price().provider(), new double[]{0, most},
                    new double[]{0, host.blendedPerMillion() * most / 1e6});
        }
        return plot.svg();
    }

    /** Bars from the ratio at one end of each range to that at the other, widest first. */
    private static String tornado(HostComparison host) {
        double most = host.ratio();
        for (Swing swing : host.swings()) {
            most = Math.max(most, Math.max(swing.lowRatio(), swing.highRatio()));
        }
        double scale = 420 / (most * 1.05);
        StringBuilder svg = new StringBuilder("<svg viewBox=\"0 0 720 ")
                .append(40 + 34 * host.swings().size()).append("\" role=\"img\">\n");
        int down = 20;
        for (Swing swing : host.swings()) {
            double from = 130 + Math.min(swing.lowRatio(), swing.highRatio()) * scale;
            svg.append(String.format(Locale.ROOT, "<text x=\"120\" y=\"%d\" text-anchor=\"end\">%s"
                    + "</text><rect class=\"bar\" x=\"%.1f\" y=\"%d\" width=\"%.1f\""
                    + " height=\"16\"/><text x=\"570\" y=\"%d\">%s (%s) to %s (%s)</text>%n",
                    down + 12, escaped(swing.what()), from, down,
                    Math.max(1, swing.width() * scale),
                    down + 12, Money.times(swing.lowRatio()), escaped(swing.low()),
                    Money.times(swing.highRatio()), escaped(swing.high())));
            down += 34;
        }
        double now = 130 + host.ratio() * scale;
        return svg.append(String.format(Locale.ROOT, "<line class=\"zero\" x1=\"%.1f\" x2=\"%.1f\""
                + " y1=\"10\" y2=\"%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">now %s"
                + "</text></svg>%n", now, now, down - 8, now, down + 8,
                Money.times(host.ratio()))).toString();
    }

    /** The cheapest, some between and the dearest: more lines than five cannot be told apart. */
    private List<HostComparison> shown() {
        List<HostComparison> hosts = comparison.hosts();
        if (hosts.size() <= 5) {
            return hosts;
        }
        List<HostComparison> some = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            some.add(hosts.get(i * (hosts.size() - 1) / 4));
        }
        return some;
    }

    private static double[] doubles(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }

    static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}

package dev.millrace.server.cli.cost;

import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.metering.report.Comparison;
import dev.millrace.server.metering.report.Fidelity;
import dev.millrace.server.metering.report.HostComparison;
import dev.millrace.server.metering.report.HostComparison.Swing;
import dev.millrace.server.metering.report.OwnCost;
import java.io.PrintStream;
import java.util.List;
import java.util.Optional;

/** A comparison for people to read, the unwelcome part included. */
final class ComparisonText {

    private static final double[] USED = {0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1};
    private static final double[] MACHINES = {0.1, 0.5, 1, 2, 4};

    /** Where weights have fewer bits here than there, a price alone says half. */
    static final String UNMEASURED = "fidelity: not measured; './millrace compare REFERENCE MODEL"
            + " TEXT' holds this model to the one it was made from";

    private ComparisonText() {}

    static void print(Comparison comparison, Optional<Fidelity> fidelity,
            PriceCatalog catalog, PrintStream out) {
        OwnCost own = comparison.own();
        out.printf("%s%s: %,d requests, %s prompt tokens (%s cached), %s completion tokens%n",
                comparison.model(), comparison.assumed() ? " (assumed rate)" : "",
                comparison.use().requests(), Money.count(comparison.use().promptTokens()),
                Money.percent(own.cachedShare()), Money.count(comparison.use()
                        .completionTokens()));
        out.printf("cost here: %s USD used, %s USD of the bill; the machine was used %s of its"
                + " time%n", Money.usd(comparison.usageNanoUsd()),
                Money.usd(comparison.allocationNanoUsd()), Money.percent(own.utilisation()));
        out.printf("one machine: %.4f USD/h, %.1f tokens/s, at most %s tokens a day%n",
                own.rateUsdPerHour(), own.tokensPerSecond(), Money.count(own.tokensPerDay()));
        out.printf("%s%n%n", fidelity.map(Fidelity::sentence).orElse(UNMEASURED));
        if (comparison.hosts().isEmpty()) {
            out.println("No hosted model compares with it; name one with --with.");
            return;
        }
        hosts(comparison, out);
        verdict(comparison, out);
        curve(comparison, out);
        swings(comparison.hosts().getFirst(), out);
        catalog.staleness(comparison.hosts().stream().map(HostComparison::price).toList())
                .ifPresent(warning -> out.println("note: " + warning));
    }

    private static void hosts(Comparison comparison, PrintStream out) {
        out.println("the same requests at "
                + (comparison.sameWeights()
                        ? "hosts of the same weights"
                        : "hosts of the nearest model, not the same weights: "
                                + comparison.hostedModel())
                + " (ratio: their price over the bill here; above 1 this machine is cheaper)");
        TextTable table = new TextTable("HOST", "USD", "$/M", "RATIO", "p5..p95", "BREAK-EVEN",
                "AS OF");
        for (HostComparison host : comparison.hosts()) {
            double breakEven = comparison.own().breakEvenTokensPerDay(host.blendedPerMillion());
            table.row(host.price().provider() + " " + host.price().model()
                    + (host.price().gateway() ? " (gateway)" : "")
                    + (comparison.sameWeights() && !host.sameWeights() ? " (other model)" : ""),
                    Money.usd(host.hostedNanoUsd()), Money.perMillion(host.blendedPerMillion()),
                    Money.times(host.ratio()), Double.isNaN(host.p5())
                            ? "trace too short"
                            : Money.times(host.p5()) + ".." + Money.times(host.p95()),
                    breakEven > comparison.own().tokensPerDay()
                            ? "never: x" + Money.times(breakEven / comparison.own()
                                    .tokensPerDay()) + " of capacity"
                            : Money.count(breakEven) + " tokens/day",
                    host.price().asOf().toString());
        }
        table.print(out);
        out.println();
    }

    private static void verdict(Comparison comparison, PrintStream out) {
        List<HostComparison> hosts = comparison.hosts();
        long cheaper = hosts.stream().filter(host -> host.ratio() > 1).count();
        HostComparison first = hosts.getFirst();
        out.printf("verdict: this machine, as it was used, was cheaper than %d of %d prices and"
                + " dearer than %d.%n", cheaper, hosts.size(), hosts.size() - cheaper);
        double parity = comparison.own().parityUtilisation(first.blendedPerMillion());
        if (parity > 1) {
            out.printf("Against the cheapest (%s) it loses even when always busy: it would have to"
                    + " be %sx as fast, or as cheap.%n%n", first.price().provider(),
                    Money.times(parity));
        } else {
            out.printf("Against the cheapest (%s) it wins from %s utilisation on; it had %s.%n%n",
                    first.price().provider(), Money.percent(parity),
                    Money.percent(comparison.own().utilisation()));
        }
    }

    private static void curve(Comparison comparison, PrintStream out) {
        OwnCost own = comparison.own();
        HostComparison cheapest = comparison.hosts().getFirst();
        HostComparison dearest = comparison.hosts().getLast();
        TextTable used = new TextTable("UTILISATION", "$/M HERE",
                "x CHEAPER THAN " + cheapest.price().provider(),
                "THAN " + dearest.price().provider());
        for (double share : USED) {
            double here = own.usdPerMillionAt(share);
            used.row(Money.percent(share), Money.perMillion(here),
                    Money.times(cheapest.blendedPerMillion() / here),
                    Money.times(dearest.blendedPerMillion() / here));
        }
        used.print(out);
        out.println();
        TextTable stairs = new TextTable("TOKENS/DAY", "MACHINES", "USD/DAY HERE",
                "AT " + cheapest.price().provider(), "AT " + dearest.price().provider());
        for (double machines : MACHINES) {
            double tokens = own.tokensPerDay() * machines;
            stairs.row(Money.count(tokens), String.valueOf(own.machines(tokens)),
                    Money.perMillion(own.machines(tokens) * own.usdPerDay()),
                    Money.perMillion(tokens / 1e6 * cheapest.blendedPerMillion()),
                    Money.perMillion(tokens / 1e6 * dearest.blendedPerMillion()));
        }
        stairs.print(out);
        out.println();
    }

    private static void swings(HostComparison host, PrintStream out) {
        out.println("what moves the ratio to " + host.price().provider() + ", "
                + Money.times(host.ratio()) + " now, one thing at a time:");
        TextTable table = new TextTable("WHAT", "AT", "RATIO", "AT", "RATIO");
        for (Swing swing : host.swings()) {
            table.row(swing.what(), swing.low(), Money.times(swing.lowRatio()), swing.high(),
                    Money.times(swing.highRatio()));
        }
        table.print(out);
    }
}

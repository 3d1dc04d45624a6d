package dev.millrace.server.cli.cost;

import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.metering.report.Comparison;
import dev.millrace.server.metering.report.HostComparison;
import dev.millrace.server.metering.report.OwnCost;
import java.io.PrintStream;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace cost claim}: under which conditions "so many times cheaper" is true here. */
@Command(name = "claim", description = "Say under which conditions \"FACTOR times cheaper than an"
        + " API\" is true of this machine, host by host.")
final class ClaimCommand implements Callable<Integer> {

    private static final double MOST = 1_000;

    private final PrintStream out;
    private final Map<String, String> environment;
    private final Clock clock;

    @Mixin
    private LedgerChoice ledger;

    @Parameters(paramLabel = "FACTOR", description = "Such as 6.5.")
    private double factor;

    @Option(names = "--model", paramLabel = "ID",
            description = "The served model (default: the one with the most tokens).")
    private String model;

    @Option(names = "--with", paramLabel = "NAME", split = ",",
            description = "Also compare with this hosted model or offer.")
    private List<String> with = List.of();

    ClaimCommand(PrintStream out, Map<String, String> environment, Clock clock) {
        this.out = out;
        this.environment = environment;
        this.clock = clock;
    }

    @Override
    public Integer call() {
        if (!(factor > 0 && factor <= MOST)) {
            throw new IllegalArgumentException("FACTOR must be a number above 0, at most "
                    + (int) MOST + ", got " + factor);
        }
        PriceCatalog catalog = LedgerChoice.catalog(environment, clock);
        Comparison comparison;
        try (LedgerReader reader = ledger.open(environment)) {
            comparison = Comparison.of(reader, catalog, LedgerChoice.model(reader, model),
                    LedgerChoice.named(catalog, with));
        }
        OwnCost own = comparison.own();
        out.printf("\"%sx cheaper\" with %s at %.4f USD/h, %.1f tokens/s while busy, used %s of"
                + " its time%s%n", Money.times(factor), comparison.model(), own.rateUsdPerHour(),
                own.tokensPerSecond(), Money.percent(own.utilisation()),
                comparison.sameWeights() ? "" : "; hosts of the nearest model, not the same one");
        TextTable table = new TextTable("HOST", "$/M", "AS USED", "AT 60 %", "ALWAYS BUSY",
                "NEEDS TOKENS/S", "VERDICT");
        int holds = 0;
        for (HostComparison host : comparison.hosts()) {
            double busy = host.blendedPerMillion() / own.usdPerMillionAt(1);
            double needed = own.tokensPerSecond() * factor / busy;
            holds += host.ratio() >= factor ? 1 : 0;
            table.row(host.price().provider() + " " + host.price().model(),
                    Money.perMillion(host.blendedPerMillion()), Money.times(host.ratio()),
                    Money.times(busy * 0.6), Money.times(busy), Money.count(needed),
                    verdict(host.ratio(), busy));
        }
        table.print(out);
        out.printf("The claim holds against %d of %d prices. NEEDS is the throughput at which an"
                + " always busy machine of this rate would be that much cheaper.%n", holds,
                comparison.hosts().size());
        return 0;
    }

    private String verdict(double asUsed, double busy) {
        if (asUsed >= factor) {
            return "true";
        }
        if (busy >= factor) {
            return "true from " + Money.percent(factor / busy) + " utilisation on";
        }
        return busy >= 1 ? "false, at most " + Money.times(busy) + "x" : "false, always dearer";
    }
}

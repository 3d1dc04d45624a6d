package dev.millrace.server.cli.cost;

import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.LedgerBalance;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.report.RatePeriod;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.ToLongFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace cost reconcile}: the bill by its parts, beside the lines and an invoice. */
@Command(name = "reconcile", description = "Split the bill into the parts of the rate, check it"
        + " against the ledger's lines, and against an invoice.")
final class ReconcileCommand implements Callable<Integer> {

    private static final int UNBALANCED = 3;
    private static final double NANOS_PER_HOUR = 3.6e12;

    private final PrintStream out;
    private final Map<String, String> environment;

    @Mixin
    private LedgerChoice ledger;

    @Option(names = "--invoice", paramLabel = "USD",
            description = "What was really paid for the time of the ledger.")
    private BigDecimal invoice;

    ReconcileCommand(PrintStream out, Map<String, String> environment) {
        this.out = out;
        this.environment = environment;
    }

    @Override
    public Integer call() {
        LedgerSummary summary;
        Optional<String> audit;
        List<RatePeriod> periods;
        try (LedgerReader reader = ledger.open(environment)) {
            summary = reader.summary();
            audit = reader.audit();
            periods = reader.ratePeriods();
        }
        TextTable table = new TextTable("PART OF THE RATE", "USD WHILE SERVING");
        part(table, periods, "depreciation", CostModel::depreciationNanoUsdPerHour);
        part(table, periods, "rent", CostModel::rentNanoUsdPerHour);
        part(table, periods, "energy", CostModel::energyNanoUsdPerHour);
        part(table, periods, "hosting", CostModel::hostingNanoUsdPerHour);
        part(table, periods, "licence", CostModel::licenceNanoUsdPerHour);
        part(table, periods, "staff", CostModel::staffNanoUsdPerHour);
        part(table, periods, "together", CostModel::nanoUsdPerHour);
        table.print(out);
        out.println();
        LedgerBalance balance = summary.balance();
        TextTable lines = new TextTable("LINE", "USD");
        balance.linesNanoUsd().forEach((name, nanoUsd) -> lines.row(name, Money.usd(nanoUsd)));
        lines.row("sum", Money.usd(balance.chargedNanoUsd()));
        lines.row("rate x time, gaps included", Money.usd(balance.billNanoUsd()));
        lines.print(out);
        out.println(balance.balances()
                ? "The lines are the bill, to the nano-dollar."
                : "THE LINES ARE NOT THE BILL: off by " + Money.usd(balance.differenceNanoUsd())
                        + " USD.");
        out.println(audit.map(where -> "THE ROWS ARE NOT THEIR SUMS: " + where + ".")
                .orElse("Every row of a request is in the sums that this is read from."));
        if (invoice != null) {
            BigDecimal bill = BigDecimal.valueOf(balance.billNanoUsd(), 9);
            BigDecimal difference = invoice.subtract(bill);
            out.println("invoice " + invoice.toPlainString() + " USD: the ledger explains "
                    + (invoice.signum() == 0
                            ? "-"
                            : Money.percent(bill.doubleValue() / invoice.doubleValue()))
                    + " of it, " + difference.toPlainString() + " USD are left. Time before the"
                    + " first session is not in the ledger; a rate that is too low shows here.");
        }
        return balance.balances() && audit.isEmpty() ? 0 : UNBALANCED;
    }

    private static void part(TextTable table, List<RatePeriod> periods, String name,
            ToLongFunction<CostModel> part) {
        double nanoUsd = 0;
        for (RatePeriod period : periods) {
            nanoUsd += part.applyAsLong(period.rate()) * (period.laneNanos() / NANOS_PER_HOUR);
        }
        table.row(name, Money.usd(Math.round(nanoUsd)));
    }
}

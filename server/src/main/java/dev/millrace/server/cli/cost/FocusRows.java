package dev.millrace.server.cli.cost;

import dev.millrace.server.metering.LedgerBalance;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.report.TraceRow;
import java.io.PrintStream;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The ledger with the columns of the FinOps Open Cost and Usage Specification, 1.x
 * (focus.finops.org): a row per request, and one per line of the bill that no request caused, so
 * that the billed costs add up to the bill.
 */
final class FocusRows {

    private static final String HEADINGS = "BillingAccountId,BillingCurrency,BillingPeriodStart,"
            + "BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
            + "ChargeDescription,ChargeFrequency,BilledCost,EffectiveCost,ListCost,"
            + "ContractedCost,ConsumedQuantity,ConsumedUnit,ProviderName,PublisherName,"
            + "InvoiceIssuerName,ResourceId,ResourceName,ResourceType,ServiceCategory,"
            + "ServiceName,SubAccountId,SkuId,Tags";

    /** What provider-defined tags begin with. */
    private static final String OWN_TAGS = "millrace/";
    private static final JsonMapper MAPPER = new JsonMapper();

    private FocusRows() {}

    static void write(LedgerReader reader, PrintStream to) {
        LedgerSummary summary = reader.summary();
        double factor = summary.allocationFactor();
        to.println(HEADINGS);
        reader.forEachRequest(row -> to.println(request(row, factor)));
        summary.balance().linesNanoUsd().forEach((line, nanoUsd) -> {
            if (!line.equals(LedgerBalance.REQUESTS) && nanoUsd != 0) {
                to.println(machine(line, nanoUsd, summary));
            }
        });
    }

    /** Billed is what it used; effective its share of the whole bill, idle time included. */
    private static String request(TraceRow row, double factor) {
        String billed = Money.usd(row.costNanoUsd());
        String effective = Money.usd(Math.round(row.costNanoUsd() * factor));
        return CsvLine.of("millrace", "USD", month(row.finishedMillis(), 0),
                month(row.finishedMillis(), 1), time(row.beganMillis()),
                time(row.finishedMillis()), "Usage", row.endpoint() + ", " + (row.requests() == 1
                        ? row.finishReason()
                        : row.requests() + " requests"),
                "Usage-Based", billed, effective, billed, billed,
                row.promptTokens() + row.completionTokens(), "Tokens", "Millrace", "Millrace",
                "Millrace", row.id(), row.model(), "Model", "AI and Machine Learning",
                "Inference", row.tenant(), row.model(), tags(row));
    }

    /** Clients' tags as they are; what is known without them under a prefix, as FOCUS demands. */
    private static String tags(TraceRow row) {
        ObjectNode tags = MAPPER.createObjectNode();
        row.labels().tags().forEach(tags::put);
        own(tags, "key_id", row.keyId());
        own(tags, "project", row.project());
        own(tags, "session_id", row.labels().session());
        own(tags, "adapter", row.adapter());
        own(tags, "tier", row.tier());
        return tags.toString();
    }

    private static void own(ObjectNode tags, String name, String value) {
        if (value != null) {
            tags.put(OWN_TAGS + name, value);
        }
    }

    /** Effective is 0: requests have it in theirs. */
    private static String machine(String line, long nanoUsd, LedgerSummary summary) {
        String billed = Money.usd(nanoUsd);
        return CsvLine.of("millrace", "USD", month(summary.beganMillis(), 0),
                month(summary.heartbeatMillis(), 1), time(summary.beganMillis()),
                time(summary.heartbeatMillis()), "Usage", line, "Recurring", billed,
                Money.usd(0), billed, billed, null, null, "Millrace", "Millrace", "Millrace",
                "machine", line, "Machine", "AI and Machine Learning", "Inference", null, line,
                "{}");
    }

    private static String time(long millis) {
        return Instant.ofEpochMilli(millis).toString();
    }

    /** The first moment of the month of a time, or of a later one. */
    private static String month(long millis, int later) {
        return LocalDate.ofInstant(Instant.ofEpochMilli(millis), ZoneOffset.UTC)
                .withDayOfMonth(1).plusMonths(later).atStartOfDay(ZoneOffset.UTC).toInstant()
                .toString();
    }
}

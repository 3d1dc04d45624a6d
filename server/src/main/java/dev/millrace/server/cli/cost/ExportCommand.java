package dev.millrace.server.cli.cost;

import dev.millrace.models.store.FileProblems;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.report.TraceRow;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@code millrace cost export}: the ledger's rows for other programs. */
@Command(name = "export", description = "Write the ledger's rows as CSV, JSON lines, CSV with the"
        + " columns of FOCUS 1.x, or Parquet (by DuckDB, if you have it).")
final class ExportCommand implements Callable<Integer> {

    /** What can be written. */
    enum Format {
        CSV,
        JSON,
        FOCUS,
        PARQUET
    }

    private static final String CSV_HEADINGS = "id,model,tenant,key_id,endpoint,prompt_tokens,"
            + "cached_tokens,computed_tokens,completion_tokens,prefill_nanos,decode_nanos,"
            + "cost_nano_usd,microjoules,finish_reason,began_ms,finished_ms,project,adapter,"
            + "session_id,tier,charged_nano_usd,tags,requests";

    private final PrintStream out;
    private final Map<String, String> environment;

    @Mixin
    private LedgerChoice ledger;

    @Option(names = "--format", paramLabel = "FORMAT", defaultValue = "csv",
            description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private Format format;

    @Option(names = {"-o",
        "--out"}, paramLabel = "FILE", description = "Write here (default: standard output).")
    private Path file;

    ExportCommand(PrintStream out, Map<String, String> environment) {
        this.out = out;
        this.environment = environment;
    }

    @Override
    public Integer call() {
        if (format == Format.PARQUET) {
            if (file == null) {
                throw new IllegalArgumentException("Parquet is no text; name a file with --out");
            }
            new DuckDb(environment).writeParquet(file, csv -> writeFile(csv, Format.CSV));
        } else if (file == null) {
            try (LedgerReader reader = ledger.open(environment)) {
                write(reader, format, out);
            }
        } else {
            writeFile(file, format);
        }
        return 0;
    }

    private void writeFile(Path path, Format as) {
        try (LedgerReader reader = ledger.open(environment);
                PrintStream to = new PrintStream(new BufferedOutputStream(
                        Files.newOutputStream(path)), false, StandardCharsets.UTF_8)) {
            write(reader, as, to);
            if (to.checkError()) {
                throw new IllegalArgumentException("cannot write all of " + path
                        + "; is the disk full?");
            }
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot write " + path + ": "
                    + FileProblems.describe(e), e);
        }
    }

    private static void write(LedgerReader reader, Format as, PrintStream to) {
        switch (as) {
            case CSV -> {
                to.println(CSV_HEADINGS);
                reader.forEachRequest(row -> to.println(csv(row)));
            }
            case JSON -> {
                JsonMapper mapper = new JsonMapper();
                reader.forEachRequest(row -> to.println(json(mapper.createObjectNode(), row)));
            }
            case FOCUS -> FocusRows.write(reader, to);
            case PARQUET -> throw new IllegalStateException("DuckDB writes Parquet");
        }
    }

    private static String csv(TraceRow row) {
        return CsvLine.of(row.id(), row.model(), row.tenant(), row.keyId(), row.endpoint(),
                row.promptTokens(), row.cachedTokens(), row.computedTokens(),
                row.completionTokens(), row.prefillNanos(), row.decodeNanos(), row.costNanoUsd(),
                row.microjoules() < 0 ? null : row.microjoules(), row.finishReason(),
                row.beganMillis(), row.finishedMillis(), row.project(), row.adapter(),
                row.labels().session(), row.tier(), row.chargedNanoUsd(),
                row.labels().tagsJson(), row.requests());
    }

    private static ObjectNode json(ObjectNode node, TraceRow row) {
        node.put("id", row.id()).put("model", row.model()).put("tenant", row.tenant())
                .put("key_id", row.keyId()).put("endpoint", row.endpoint())
                .put("prompt_tokens", row.promptTokens()).put("cached_tokens", row.cachedTokens())
                .put("computed_tokens", row.computedTokens())
                .put("completion_tokens", row.completionTokens())
                .put("prefill_nanos", row.prefillNanos()).put("decode_nanos", row.decodeNanos())
                .put("cost_nano_usd", row.costNanoUsd());
        if (row.microjoules() < 0) {
            node.putNull("microjoules");
        } else {
            node.put("microjoules", row.microjoules());
        }
        node.put("finish_reason", row.finishReason()).put("began_ms", row.beganMillis())
                .put("finished_ms", row.finishedMillis()).put("project", row.project())
                .put("adapter", row.adapter()).put("session_id", row.labels().session())
                .put("tier", row.tier()).put("charged_nano_usd", row.chargedNanoUsd())
                .put("requests", row.requests());
        ObjectNode tags = node.putObject("tags");
        row.labels().tags().forEach(tags::put);
        return node;
    }
}

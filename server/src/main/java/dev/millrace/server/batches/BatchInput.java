package dev.millrace.server.batches;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import tools.jackson.databind.json.JsonMapper;

/** The rows of a batch's file. */
final class BatchInput {

    /** OpenAI's limit. */
    static final int MOST_ROWS = 50_000;

    /** What a row has around its body. */
    private static final int FRAME_BYTES = 4 << 10;

    private final Path file;
    private final String endpoint;
    private final int lineBytes;
    private final JsonMapper reader;

    BatchInput(Path file, String endpoint, HttpLimits limits) {
        this.file = file;
        this.endpoint = endpoint;
        this.lineBytes = limits.bodyBytes() + FRAME_BYTES;
        this.reader = Json.reader(limits);
    }

    /** Does something with each row, in order. */
    @FunctionalInterface
    interface RowVisitor {
        /** @return whether to go on */
        boolean visit(BatchRow row) throws IOException, InterruptedException;
    }

    /** What all rows together are. @param model theirs; null if they cannot be used */
    record Report(long rows, String model, BatchErrors errors) {}

    /**
     * Reads all rows and finds what keeps them from being a batch.
     *
     * @param models refuses a model with an {@link ApiException}
     * @param halted whether nobody wants to know any more
     */
    Report check(Consumer<String> models, BooleanSupplier halted) throws IOException {
        BatchErrors errors = new BatchErrors();
        Set<String> ids = new HashSet<>();
        String model = null;
        long rows = 0;
        try (JsonLines lines = lines()) {
            for (JsonLines.Line line = lines.next(); line != null && !errors.isFull()
                    && !halted.getAsBoolean(); line = lines.next()) {
                if (++rows > MOST_ROWS) {
                    errors.add("too_many_rows", "a batch may have at most " + MOST_ROWS + " rows",
                            null, line.number());
                    break;
                }
                try {
                    BatchRow row = BatchRow.read(line, endpoint, reader);
                    requireNew(ids.add(row.customId()), row);
                    if (model == null) {
                        model = row.model();
                        models.accept(model);
                    }
                    requireSame(model, row);
                } catch (ApiException e) {
                    errors.add(e, line.number());
                }
            }
        }
        if (rows == 0) {
            errors.add("empty_file", "the file has no rows", null, 0);
        }
        return new Report(rows, model, errors);
    }

    private static void requireNew(boolean isNew, BatchRow row) {
        if (!isNew) {
            throw ApiException.refused(400, "custom_id", "duplicate_custom_id",
                    "custom_id is that of an earlier row; each needs its own");
        }
    }

    private static void requireSame(String model, BatchRow row) {
        if (!row.model().equals(model)) {
            throw ApiException.refused(400, "body.model", "mismatched_model",
                    "all rows of a batch must name the same model");
        }
    }

    /** Visits the rows of a file that was checked. */
    void each(RowVisitor visitor) throws IOException, InterruptedException {
        try (JsonLines lines = lines()) {
            for (JsonLines.Line line = lines.next(); line != null; line = lines.next()) {
                if (!visitor.visit(BatchRow.read(line, endpoint, reader))) {
                    return;
                }
            }
        }
    }

    private JsonLines lines() throws IOException {
        return new JsonLines(Files.newInputStream(file), lineBytes);
    }
}

package dev.millrace.server.batches;

import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.store.BatchCounts;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The results of a batch so far, a line for each row: the two files that it ends with are their own
 * log. A line is on the disk before anybody counts it; one that an end of the server cut short is
 * cut off, and its row runs again. Safe to share between threads.
 */
final class BatchResults implements AutoCloseable {

    private static final int BUFFER_BYTES = 64 << 10;
    private static final JsonMapper READER = new JsonMapper();

    private final Set<String> before = new HashSet<>();
    private final FileChannel output;
    private final FileChannel errors;
    private BatchCounts counts = BatchCounts.NONE;
    private boolean expired;

    private BatchResults(Path outputFile, Path errorFile) throws IOException {
        this.output = open(outputFile);
        FileChannel opened = null;
        try {
            opened = open(errorFile);
        } finally {
            if (opened == null) {
                output.close();
            }
        }
        this.errors = opened;
    }

    /** Opens the results, and reads those that there are. */
    static BatchResults open(Path outputFile, Path errorFile) throws IOException {
        return new BatchResults(outputFile, errorFile);
    }

    private FileChannel open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        try {
            channel.truncate(recover(file));
            channel.position(channel.size());
            return channel;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Counts the lines of a file. @return where the last whole one ends */
    private long recover(Path file) throws IOException {
        long whole = 0;
        long position = 0;
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        try (InputStream input = new BufferedInputStream(Files.newInputStream(file),
                BUFFER_BYTES)) {
            for (int read = input.read(); read >= 0; read = input.read()) {
                position++;
                if (read == '\n') {
                    JsonNode row = READER.readTree(line.toByteArray());
                    before.add(row.get("custom_id").stringValue());
                    count(row);
                    whole = position;
                    line.reset();
                } else {
                    line.write(read);
                }
            }
        }
        return whole;
    }

    /** Whether a row had its result when these were opened. */
    boolean had(String customId) {
        return before.contains(customId);
    }

    /** A row has an answer. */
    void answered(BatchRow row, String hash, JsonNode body) throws IOException {
        ObjectNode line = line(row, hash);
        response(line, hash, 200, body);
        append(output, line.putNull("error"));
    }

    /** A row has an error for its answer. */
    void refused(BatchRow row, String hash, int status, JsonNode body) throws IOException {
        ObjectNode line = line(row, hash);
        response(line, hash, status, body);
        append(errors, line.putNull("error"));
    }

    /** A row did not run. */
    void skipped(BatchRow row, String hash, String code, String message) throws IOException {
        ObjectNode line = line(row, hash).putNull("response");
        line.putObject("error").put("code", code).put("message", message);
        append(errors, line);
    }

    private static ObjectNode line(BatchRow row, String hash) {
        return Json.object().put("id", "batch_req_" + hash).put("custom_id", row.customId());
    }

    private static void response(ObjectNode line, String hash, int status, JsonNode body) {
        line.putObject("response").put("status_code", status).put("request_id", "req_" + hash)
                .set("body", body);
    }

    private synchronized void append(FileChannel file, ObjectNode line) throws IOException {
        byte[] json = Json.bytes(line);
        ByteBuffer bytes = ByteBuffer.allocate(json.length + 1).put(json).put((byte) '\n').flip();
        long end = file.position();
        try {
            while (bytes.hasRemaining()) {
                file.write(bytes);
            }
            file.force(false);
        } catch (IOException e) {
            file.truncate(end); // or the next line would stand behind half of this one
            throw e;
        }
        count(line);
    }

    private void count(JsonNode line) {
        boolean answer = line.at("/response/status_code").intValue(0) == 200;
        counts = counts.plus(answer
                ? BatchPrice.used(line.at("/response/body"))
                : new BatchCounts(0, 1, 0, 0, 0, 0, 0, 0));
        expired |= line.at("/error/code").stringValue("").equals(BatchRun.EXPIRED);
    }

    /** How many rows have ended, and what they have used. */
    synchronized BatchCounts counts() {
        return counts;
    }

    /** Whether rows did not run because the time was over. */
    synchronized boolean expired() {
        return expired;
    }

    @Override
    public void close() throws IOException {
        try (output) {
            errors.close();
        }
    }
}

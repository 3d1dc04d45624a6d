package dev.millrace.bench.peer;

import dev.millrace.bench.BenchException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** A peer's benchmark command, run by the shell as often as it is needed. */
final class PeerProcess {

    /** Far more than a benchmark prints. */
    private static final int MAX_OUTPUT_BYTES = 16 << 20;
    private static final int EXCERPT_CHARACTERS = 600;

    private final String command;
    private final Duration limit;

    /**
     * A command with its placeholders filled in.
     *
     * @param template what the shell runs
     * @param values   of its placeholders
     * @param limit    longest that one run may take
     */
    PeerProcess(String template, Map<String, Object> values, Duration limit) {
        this.command = new CommandTemplate(template).filled(values);
        this.limit = limit;
    }

    /** The command as the shell gets it. */
    String command() {
        return command;
    }

    /**
     * Runs the command and reads its results.
     *
     * @throws BenchException if it fails, takes too long, or prints nothing that is understood; the
     *                        message quotes what it printed
     */
    List<PeerResult> run() throws IOException, InterruptedException {
        Process process = new ProcessBuilder("/bin/sh", "-c", command).start();
        try (ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor()) {
            try {
                process.getOutputStream().close();
                var out = readers.submit(() -> read(process.getInputStream()));
                var err = readers.submit(() -> read(process.getErrorStream()));
                if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                    throw new BenchException("the peer took more than " + limit.toSeconds()
                            + " s; let it measure less, or raise --peer-timeout: " + command);
                }
                return results(process.exitValue(), out.get(), err.get());
            } catch (ExecutionException e) {
                throw new BenchException("the peer's output cannot be read: "
                        + e.getCause().getMessage(), e);
            } finally {
                // Before the readers are waited for: they read until the last writer is gone.
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
        }
    }

    private static String read(InputStream in) throws IOException {
        try (in) {
            byte[] bytes = in.readNBytes(MAX_OUTPUT_BYTES);
            in.transferTo(OutputStream.nullOutputStream());
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    /** Some versions print their table where others print their log. */
    private List<PeerResult> results(int exitStatus, String out, String err) {
        if (exitStatus != 0) {
            throw new BenchException("the peer failed with status " + exitStatus + ": " + command
                    + "\n" + lastCharacters(err.isBlank() ? out : err));
        }
        List<PeerResult> results = PeerOutput.parse(out);
        if (results.isEmpty()) {
            results = PeerOutput.parse(err);
        }
        if (results.isEmpty()) {
            throw new BenchException("the peer printed no result that is understood (llama-bench"
                    + " with -o md, json or jsonl; llama-batched-bench's table or jsonl): "
                    + command + "\n" + lastCharacters(out.isBlank() ? err : out));
        }
        return results;
    }

    /** The end of a text, where programs say what went wrong. */
    static String lastCharacters(String text) {
        String stripped = text.strip();
        if (stripped.isEmpty()) {
            return "(it printed nothing)";
        }
        return stripped.length() <= EXCERPT_CHARACTERS
                ? stripped
                : "... " + stripped.substring(stripped.length() - EXCERPT_CHARACTERS);
    }
}

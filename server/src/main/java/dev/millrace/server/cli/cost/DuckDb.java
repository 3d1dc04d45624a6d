package dev.millrace.server.cli.cost;

import dev.millrace.models.store.FileProblems;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** DuckDB's program, where the user has it: it writes Parquet, so that we need no library to. */
final class DuckDb {

    private static final String PROGRAM = "duckdb";

    private final Path program;

    /** @throws IllegalArgumentException if there is none on the PATH */
    DuckDb(Map<String, String> environment) {
        program = Stream.of(environment.getOrDefault("PATH", "").split(File.pathSeparator))
                .filter(folder -> !folder.isEmpty()).map(folder -> Path.of(folder, PROGRAM))
                .filter(Files::isExecutable).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("Parquet is written by DuckDB, and"
                        + " no program 'duckdb' is on the PATH; install it (duckdb.org), or"
                        + " export --format csv, which everything reads"));
    }

    /**
     * Writes a Parquet file.
     *
     * @param to   the file
     * @param rows writes them to a file, as CSV with a line of headings
     * @throws IllegalArgumentException if DuckDB fails, with what it says
     */
    void writeParquet(Path to, Consumer<Path> rows) {
        Path csv = null;
        try {
            csv = Files.createTempFile("millrace-export", ".csv");
            rows.accept(csv);
            Process process = new ProcessBuilder(program.toString(), "-c", "COPY (SELECT * FROM"
                    + " read_csv(" + quoted(csv) + ", header = true)) TO " + quoted(to)
                    + " (FORMAT parquet)").redirectErrorStream(true).start();
            process.getOutputStream().close();
            String said = new String(process.getInputStream().readAllBytes(),
                    StandardCharsets.UTF_8).strip();
            int status = process.waitFor();
            if (status != 0) {
                throw new IllegalArgumentException(program + " cannot write " + to + " (status "
                        + status + "): " + said);
            }
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot export by " + program + ": "
                    + FileProblems.describe(e), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalArgumentException("interrupted while " + program + " was writing", e);
        } finally {
            delete(csv);
        }
    }

    private static String quoted(Path path) {
        return "'" + path.toAbsolutePath().toString().replace("'", "''") + "'";
    }

    private static void delete(Path csv) {
        try {
            if (csv != null) {
                Files.deleteIfExists(csv);
            }
        } catch (IOException e) {
            csv.toFile().deleteOnExit();
        }
    }
}

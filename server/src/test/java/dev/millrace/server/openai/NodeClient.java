package dev.millrace.server.openai;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** OpenAI's own client for Node, installed once into the build's folder from its lock file. */
final class NodeClient {

    private static final Path SOURCES = Path.of("src/test/js/openai-client");
    private static final Path INSTALLED = Path.of("target/openai-client");
    private static final long INSTALL_SECONDS = 180;
    private static final long RUN_SECONDS = 300;

    private NodeClient() {}

    /** Whether node and npm can be started at all. */
    static boolean isPossible() {
        return Stream.of("node", "npm").allMatch(program -> {
            try {
                return run(Path.of("."), RUN_SECONDS, program, "--version").exitCode() == 0;
            } catch (UncheckedIOException e) {
                return false;
            }
        });
    }

    /** Installs exactly what the lock file names. */
    static void install() throws IOException {
        Files.createDirectories(INSTALLED);
        try (Stream<Path> files = Files.list(SOURCES)) {
            for (Path file : files.toList()) {
                Files.copy(file, INSTALLED.resolve(file.getFileName()),
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Output output = run(INSTALLED, INSTALL_SECONDS, "npm", "ci", "--no-audit", "--no-fund");
        if (output.exitCode() != 0) {
            throw new IllegalStateException("npm ci failed:\n" + output.text());
        }
    }

    /** Runs every check of client.mjs against a server. */
    static Output check(String baseUrl, String... more) {
        List<String> command = new ArrayList<>(List.of("node", "client.mjs", baseUrl));
        command.addAll(List.of(more));
        return run(INSTALLED, RUN_SECONDS, command.toArray(String[]::new));
    }

    /** Runs the checks of tools.mjs against a server with a script and one that knows nothing. */
    static Output checkTools(String scriptedUrl, String randomUrl, String model) {
        return run(INSTALLED, RUN_SECONDS, "node", "tools.mjs", scriptedUrl, randomUrl, model);
    }

    /** What a program said and how it ended. */
    record Output(int exitCode, String text) {}

    private static Output run(Path folder, long seconds, String... command) {
        try {
            Path log = Files.createTempFile("node-client", ".log");
            Process process = new ProcessBuilder(command).directory(folder.toFile())
                    .redirectErrorStream(true).redirectOutput(log.toFile()).start();
            try {
                if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
                    throw new IllegalStateException(String.join(" ", command)
                            + " did not end within " + seconds + " seconds:\n"
                            + Files.readString(log));
                }
                return new Output(process.exitValue(), Files.readString(log));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            } finally {
                process.destroyForcibly();
                Files.delete(log);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

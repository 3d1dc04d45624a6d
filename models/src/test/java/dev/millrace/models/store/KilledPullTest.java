package dev.millrace.models.store;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** A process that is killed in the middle of a pull leaves what the next one goes on from. */
class KilledPullTest {

    private static final byte[] MODEL = TinyFiles.gguf(7, 1_000_000);
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    @TempDir
    Path root;

    private final FakeRegistry server = new FakeRegistry();
    private Process process;
    private long leastRanged = HubStore.LEAST_RANGED_BYTES;

    @AfterEach
    void close() {
        if (process != null) {
            process.destroyForcibly();
        }
        server.close();
    }

    @Test
    void resumesPiecesAndFetchesOnlyWhatIsMissing() throws Exception {
        server.etag = "\"one\"";
        String sha256 = sha256(MODEL);
        long arrived = pullAndKill("/m.gguf", "#sha256=" + sha256);

        assertResumed("/m.gguf", "#sha256=" + sha256, arrived);
        assertThat(server.downloads()).allMatch(request -> request.range() != null);
    }

    @Test
    void resumesAFileThatComesInOrder() throws Exception {
        leastRanged = Long.MAX_VALUE;
        server.etag = "\"one\"";
        long arrived = pullAndKill("/m.gguf", "");

        assertResumed("/m.gguf", "", arrived);
        assertThat(server.downloads().getLast().range()).matches("bytes=\\d+-");
    }

    /** Lets half of the bytes arrive, kills the process, and tells how many are on the disk. */
    private long pullAndKill(String path, String fragment) throws Exception {
        server.put(path, MODEL);
        server.stopAfterBytes = MODEL.length / 2;
        process = start(server.uri(path) + fragment);
        Instant deadline = Instant.now().plus(PATIENCE);
        while (arrived() < MODEL.length / 2) {
            assertThat(process.isAlive()).as("%s", log()).isTrue();
            assertThat(Instant.now()).as("%s", log()).isBefore(deadline);
            Thread.sleep(20);
        }
        process.destroyForcibly();
        assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isEqualTo(128 + 9);
        return arrived();
    }

    private void assertResumed(String path, String fragment, long arrived) throws Exception {
        server.stopAfterBytes = Long.MAX_VALUE;
        server.seen.clear();
        server.servedBytes.set(0);
        HubStore.Watcher watcher = new HubStore.Watcher();
        try (ModelStore store = RangedStore.open(root, server.uri("/").toString(),
                leastRanged)) {
            StoredModel model = store.pull(server.uri(path) + fragment, watcher);
            assertThat(model.path()).hasBinaryContent(MODEL);
            assertThat(model.files()).singleElement()
                    .satisfies(file -> assertThat(file.sha256()).isEqualTo(sha256(MODEL)));
        }
        assertThat(watcher.notices).anyMatch(notice -> notice.contains("resuming after"));
        assertThat(server.servedBytes).hasValue(MODEL.length - arrived);
        assertThat(Files.list(root.resolve("store/downloads"))).isEmpty();
    }

    /** Bytes that a later process will find. */
    private long arrived() throws IOException {
        Path downloads = root.resolve("store/downloads");
        if (!Files.isDirectory(downloads)) {
            return 0;
        }
        try (Stream<Path> files = Files.list(downloads)) {
            Optional<Path> part = files.filter(file -> file.toString().endsWith(".part"))
                    .findFirst();
            return part.isEmpty()
                    ? 0
                    : Downloader.present(Path.of(part.get().toString().replace(".part", "")));
        }
    }

    private Process start(String reference) throws IOException {
        return new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path").replace(";", File.pathSeparator),
                RangedStore.class.getName(), root.toString(), server.uri("/").toString(),
                reference, Long.toString(leastRanged)).redirectErrorStream(true)
                .redirectOutput(log().toFile()).start();
    }

    private Path log() {
        return root.resolve("pull.log");
    }

    private static String sha256(byte[] content) {
        return HexFormat.of().formatHex(ContentDigest.sha256("").start().digest(content));
    }
}

package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.store.FakeRegistry.Mischief;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** Large files of web servers and npm registries come in pieces over several connections. */
class WebRangesTest {

    private static final byte[] MODEL = TinyFiles.gguf(1, 400_000);
    private static final String PATH = "/m.gguf";
    private static final String PACKAGE = "npm:part@1.0.0/m.gguf";

    @TempDir
    Path root;

    private final FakeRegistry server = new FakeRegistry();
    private final HubStore.Watcher watcher = new HubStore.Watcher();

    @AfterEach
    void close() {
        server.close();
    }

    private StoredModel pull(String reference) throws InterruptedException {
        try (ModelStore store = RangedStore.open(root, server.uri("/").toString())) {
            return store.pull(reference, watcher);
        }
    }

    private String web() {
        return server.uri(PATH).toString();
    }

    private static String sha256(byte[] content) {
        return HexFormat.of().formatHex(ContentDigest.sha256("").start().digest(content));
    }

    private void assertPieces(long bytes) {
        assertThat(server.downloads()).hasSizeGreaterThan(RangedDownload.CONNECTIONS)
                .allMatch(request -> request.range().matches("bytes=\\d+-\\d+"));
        assertThat(server.servedBytes).hasValue(bytes);
    }

    @Test
    void asksForEveryByteOfAPinnedFileOnceAndTellsItsSizeFirst() throws Exception {
        server.put(PATH, MODEL);

        assertThat(pull(web() + "#sha256=" + sha256(MODEL)).path()).hasBinaryContent(MODEL);
        assertPieces(MODEL.length);
        assertThat(watcher.plans.getFirst().files()).singleElement()
                .satisfies(item -> assertThat(item.bytes()).isEqualTo(MODEL.length));
        assertThat(Files.list(root.resolve("store/downloads"))).isEmpty();
    }

    @Test
    void bindsThePiecesOfAFileWithoutAHashByItsEntityTag() throws Exception {
        server.put(PATH, MODEL);
        server.etag = "\"one\"";

        assertThat(pull(web()).path()).hasBinaryContent(MODEL);
        assertPieces(MODEL.length);
        assertThat(server.downloads()).anyMatch(request -> "\"one\"".equals(request.ifRange()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "W/\"weak\""})
    void readsAFileInOrderThatNothingBinds(String tag) throws Exception {
        server.put(PATH, MODEL);
        server.etag = tag.equals("none") ? null : tag;

        assertThat(pull(web()).path()).hasBinaryContent(MODEL);
        assertThat(server.downloads().getLast().range()).isNull();
    }

    @Test
    void startsOverWhereTheFileChangedBetweenPulls() throws Exception {
        server.put(PATH, MODEL);
        server.etag = "\"one\"";
        stopHalfway(web());
        byte[] other = TinyFiles.gguf(2, 440_000);
        server.put(PATH, other);
        server.etag = "\"two\"";

        assertThat(pull(web()).path()).hasBinaryContent(other);
    }

    @Test
    void readsInOrderWhereThereAreNoRanges() throws Exception {
        server.put(PATH, MODEL);
        server.etag = "\"one\"";
        server.ignoresRanges = true;

        assertThat(pull(web()).path()).hasBinaryContent(MODEL);
        assertThat(server.downloads().getLast().range()).isNull();
    }

    @Test
    void bringsPackagesInPiecesAndGoesOnWhereAPullStopped() throws Exception {
        server.publish("part", "1.0.0", "m.gguf", MODEL);
        stopHalfway(PACKAGE);
        assertThat(server.downloads()).allMatch(request -> request.range() != null);
        long before = server.servedBytes.get();
        server.seen.clear();

        assertThat(pull(PACKAGE).path()).hasBinaryContent(MODEL);
        assertThat(watcher.notices).anyMatch(notice -> notice.contains("resuming after"));
        assertThat(server.servedBytes.get() - before).isBetween(1L, MODEL.length - 10_000L);
    }

    /** Some pieces arrive by half; then the server is busy for good. */
    private void stopHalfway(String reference) throws IOException {
        server.mischief.addAll(List.of(Mischief.BREAK_OFF_HALFWAY, Mischief.BREAK_OFF_HALFWAY,
                Mischief.BREAK_OFF_HALFWAY, Mischief.BREAK_OFF_HALFWAY));
        for (int i = 0; i < 100; i++) {
            server.mischief.add(Mischief.BUSY);
        }
        assertThatExceptionOfType(ModelException.class).isThrownBy(() -> pull(reference))
                .withMessageContaining("run the same command again");
        server.mischief.clear();
    }
}

package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.store.FakeHub.Mischief;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class RangedDownloadTest {

    private static final byte[] MODEL = TinyFiles.gguf(1, 400_000);
    private static final String REFERENCE = "hf:org/Tiny-GGUF:Q8_0";

    @TempDir
    Path root;

    private final FakeHub hub = new FakeHub();
    private final HubStore.Watcher watcher = new HubStore.Watcher();

    @BeforeEach
    void publish() {
        hub.publish("org/Tiny-GGUF", Map.of("t-Q8_0.gguf", MODEL));
    }

    @AfterEach
    void close() {
        hub.close();
    }

    @Test
    void asksForEveryByteOnce() throws Exception {
        assertThat(pull().path()).hasBinaryContent(MODEL);

        assertThat(hub.storageSeen).hasSizeGreaterThan(RangedDownload.CONNECTIONS)
                .allMatch(request -> request.range().matches("bytes=\\d+-\\d+"));
        assertThat(hub.storageSeen.stream().mapToLong(RangedDownloadTest::length).sum())
                .isEqualTo(MODEL.length);
        assertThat(watcher.progress.getLast().complete()).isTrue();
        assertThat(leftovers()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void bringsTheRightBytesWhateverBreaks(long seed) throws Exception {
        Random random = new Random(seed);
        Mischief[] tricks = {Mischief.NONE, Mischief.NONE, Mischief.BREAK_OFF, Mischief.BUSY,
            Mischief.WRONG_RANGE};
        hub.faults = request -> {
            synchronized (random) {
                return hub.storageSeen.size() > 40
                        ? Mischief.NONE
                        : tricks[random.nextInt(tricks.length)];
            }
        };

        assertThat(pullUntilItWorks().path()).hasBinaryContent(MODEL);
        assertThat(leftovers()).isEmpty();
    }

    @Test
    void goesOnWhereAnEarlierPullStopped() throws Exception {
        hub.faults = request -> hub.storageSeen.size() <= 4 ? Mischief.BREAK_OFF : Mischief.BUSY;
        assertThatExceptionOfType(ModelException.class).isThrownBy(this::pull)
                .withMessageContaining("run the same command again");
        hub.faults = request -> Mischief.NONE;
        hub.storageSeen.clear();

        assertThat(pull().path()).hasBinaryContent(MODEL);
        assertThat(watcher.notices).anyMatch(notice -> notice.contains("resuming after"));
        assertThat(hub.storageSeen.stream().mapToLong(RangedDownloadTest::length).sum())
                .isLessThan(MODEL.length);
    }

    @Test
    void takesAStalledConnectionUpAgain() throws Exception {
        hub.faults = request -> hub.storageSeen.size() == 2 ? Mischief.STALL : Mischief.NONE;

        try (ModelStore store = HubStore.open(root, hub, null, Duration.ofSeconds(1))) {
            assertThat(store.pull(REFERENCE, watcher).path()).hasBinaryContent(MODEL);
        }
        assertThat(watcher.notices).anyMatch(notice -> notice.contains("nothing arrived"));
    }

    @Test
    void readsInOrderWhereThereAreNoRanges() throws Exception {
        hub.faults = request -> Mischief.IGNORE_RANGE;

        assertThat(pull().path()).hasBinaryContent(MODEL);
        assertThat(hub.storageSeen.getLast().range()).isNull();
    }

    @Test
    void refusesAFileThatChangedWhileItArrived() {
        byte[] other = TinyFiles.gguf(2, 400_000);
        hub.faults = request -> {
            if (hub.storageSeen.size() == 3) {
                hub.replace(MODEL, other);
            }
            return Mischief.NONE;
        };

        assertThatExceptionOfType(ModelException.class).isThrownBy(this::pull)
                .withMessageContaining("SHA-256 expected " + FakeHub.sha256(MODEL));
        assertThat(hub.storageSeen).anyMatch(request -> request.ifRange() != null);
        assertThat(root.resolve("store/models")).isEmptyDirectory();
    }

    @Test
    void refusesSpoiledBytesAndKeepsNothingOfThem() throws IOException {
        hub.faults = request -> Mischief.SPOIL;

        assertThatExceptionOfType(ModelException.class).isThrownBy(this::pull)
                .withMessageContaining("SHA-256 expected " + FakeHub.sha256(MODEL));
        assertThat(leftovers()).isEmpty();
    }

    @Test
    void stopsBeforeTheFirstByteOfAFileThatIsAnother() {
        hub.linkedTag = tag -> "\"" + "0".repeat(64) + "\"";

        assertThatExceptionOfType(ModelException.class).isThrownBy(this::pull)
                .withMessageContaining("has changed");
        assertThat(hub.storageSeen).isEmpty();
    }

    private StoredModel pull() throws InterruptedException {
        try (ModelStore store = HubStore.open(root, hub, null)) {
            return store.pull(REFERENCE, watcher);
        }
    }

    private StoredModel pullUntilItWorks() throws InterruptedException {
        for (int i = 0; i < 10; i++) {
            try {
                return pull();
            } catch (ModelException e) {
                assertThat(e).hasMessageContaining("run the same command again");
            }
        }
        return pull();
    }

    private static long length(FakeHub.Seen request) {
        String[] ends = request.range().substring("bytes=".length()).split("-");
        return Long.parseLong(ends[1]) - Long.parseLong(ends[0]) + 1;
    }

    private Stream<Path> leftovers() throws IOException {
        return Files.list(root.resolve("store/downloads"));
    }
}

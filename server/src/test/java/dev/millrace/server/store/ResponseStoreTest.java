package dev.millrace.server.store;

import dev.millrace.server.metering.LedgerException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

class ResponseStoreTest {

    private static final Duration MONTH = Duration.ofDays(30);
    private static final StoreLimits LIMITS = new StoreLimits(MONTH, 1000, 500, 4);

    @TempDir
    static Path folder;

    private static final Calendar calendar = new Calendar();
    private static StoreDatabase database;
    private static ResponseStore store;
    private final String mine = "mine-" + UUID.randomUUID();
    private final String theirs = "theirs-" + UUID.randomUUID();

    /** A clock that is set by hand. */
    private static final class Calendar extends Clock {

        private volatile Instant now = Instant.ofEpochSecond(1_800_000_000);

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }

        @Override
        public Instant instant() {
            return now;
        }

        void pass(Duration time) {
            now = now.plus(time);
        }
    }

    @BeforeAll
    static void open() {
        database = StoreDatabase.open(folder.resolve("ledger.db"), LIMITS, calendar);
        store = new ResponseStore(database);
    }

    @AfterAll
    static void close() {
        database.close();
    }

    /** Ids are per tenant here, so that tests may share a database. */
    private StoredResponse response(String tenant, String id, String previous, String text) {
        return new StoredResponse(of(id), tenant, null, previous == null ? null : of(previous),
                "{}", List.of(new StoredItem("in_" + of(id), false, "\"?" + text + "\""),
                        new StoredItem("out_" + of(id), true, "\"!" + text + "\"")));
    }

    private String of(String id) {
        return id + "." + mine;
    }

    private boolean keep(String id, String previous) throws InterruptedException {
        return store.keep(response(mine, id, previous, id));
    }

    private List<String> history(String id) throws InterruptedException {
        return store.history(mine, of(id)).orElseThrow().items().stream().map(StoredItem::object)
                .toList();
    }

    @Test
    void whatATenantStoresNobodyElseSeesAndItSurvivesTheServer() throws Exception {
        StoredResponse kept = response(mine, "a", null, "x");
        store.keep(kept);
        close();
        open();

        assertThat(store.find(mine, of("a"))).contains(kept);
        assertThat(store.item(mine, of("out_a"))).contains(kept.items().getLast());
        assertThat(store.find(theirs, of("a"))).isEmpty();
        assertThat(store.item(theirs, of("out_a"))).isEmpty();
        assertThat(store.history(theirs, of("a"))).isEmpty();
        assertThat(store.remove(theirs, of("a"))).isFalse();
        assertThat(store.remove(mine, of("a"))).isTrue();
        assertThat(store.find(mine, of("a"))).isEmpty();
        assertThat(store.item(mine, of("in_a"))).isEmpty();
    }

    @Test
    void nobodyElseOnTheMachineMayReadIt() throws Exception {
        keep("a", null);

        for (String suffix : List.of("", "-wal", "-shm")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(
                    folder.resolve("ledger.db" + suffix)))).isEqualTo("rw-------");
        }
    }

    @Test
    void aChainIsReadOldestFirstAndSaysWhatItMisses() throws Exception {
        keep("a", null);
        keep("b", "a");
        keep("c", "b");

        assertThat(history("c")).containsExactly("\"?a\"", "\"!a\"", "\"?b\"", "\"!b\"",
                "\"?c\"", "\"!c\"");
        store.remove(mine, of("b"));
        assertThat(store.history(mine, of("c"))).contains(History.missing(of("b")));
        assertThat(history("a")).hasSize(2);
    }

    @Test
    void aChainHasLimitsOfLengthAndBytes() throws Exception {
        for (String id : List.of("a", "b", "c", "d", "e")) {
            keep(id, id.equals("a") ? null : Character.toString(id.charAt(0) - 1));
        }
        store.keep(response(mine, "wide", null, "x".repeat(300)));

        assertThat(history("d")).hasSize(8);
        assertThat(store.history(mine, of("e")).orElseThrow().tooLong()).isTrue();
        assertThat(store.history(mine, of("wide")).orElseThrow().tooLong()).isTrue();
    }

    @Test
    void oneStaysForItsTimeAndAsLongAsWhatContinuesIt() throws Exception {
        keep("a", null);
        keep("alone", null);
        calendar.pass(MONTH.minusSeconds(1));
        keep("b", "a");
        calendar.pass(Duration.ofSeconds(1));
        database.sweep();

        assertThat(store.find(mine, of("a"))).isEmpty();
        assertThat(history("b")).hasSize(4);
        assertThat(rows()).isEqualTo(2);
        calendar.pass(MONTH);
        database.sweep();
        assertThat(rows()).isZero();
    }

    private int rows() throws InterruptedException {
        return database.read(connection -> Statements.query(connection,
                "SELECT count(*) FROM response WHERE id LIKE '%' || ?", rows -> rows.getInt(1),
                mine)).getFirst();
    }

    @Test
    void aTenantThatStoresTooMuchLosesItsOldestAndNobodyElses() throws Exception {
        store.keep(response(theirs, "other", null, "x".repeat(400)));
        for (String id : List.of("a", "b", "c")) {
            store.keep(response(mine, id, null, id.repeat(200)));
            calendar.pass(Duration.ofSeconds(1));
        }

        assertThat(store.find(mine, of("a"))).isEmpty();
        assertThat(store.find(mine, of("b"))).isPresent();
        assertThat(store.find(theirs, of("other"))).isPresent();
        assertThat(store.keep(response(mine, "huge", null, "x".repeat(600)))).isFalse();
        assertThat(store.find(mine, of("c"))).isPresent();
    }

    @Test
    void manyWriteAtOnceAndOneFailureIsNobodyElses() throws Exception {
        keep("twice", null);
        List<Callable<Boolean>> writes = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            String id = i % 10 == 0 ? "twice" : "r" + i;
            writes.add(() -> store.keep(response(mine + id, id, null, "")));
        }
        int failed = 0;
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Boolean> write : threads.invokeAll(writes)) {
                try {
                    assertThat(write.get()).isTrue();
                } catch (ExecutionException e) {
                    assertThat(e).hasCauseInstanceOf(LedgerException.class)
                            .hasMessageContaining("UNIQUE");
                    failed++;
                }
            }
        }

        assertThat(failed).isEqualTo(20);
        assertThat(rows()).isEqualTo(181);
        database.close();
        assertThatExceptionOfType(LedgerException.class).isThrownBy(() -> keep("late", null))
                .withMessageContaining("closed");
        open();
    }
}

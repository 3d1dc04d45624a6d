package dev.millrace.server.metering;

import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.database.PostgresServer;
import dev.millrace.server.tenants.KeyStore;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** The ledger in a database of PostgreSQL's. */
class PostgresLedgerTest extends LedgerContract {

    private static final String DROP_OTHERS = "SELECT pg_terminate_backend(pid)"
            + " FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name ="
            + " 'millrace'";

    private String url;

    @Override
    LedgerAddress fresh() throws Exception {
        url = PostgresServer.freshUrl();
        return LedgerAddress.of(url);
    }

    @Override
    List<String> fillDisk(String table) {
        return List.of("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                + " RAISE EXCEPTION 'could not extend file: no space left on device; the disk is"
                + " full' USING ERRCODE = '53100'; END $$",
                "CREATE TRIGGER full_disk"
                        + " BEFORE INSERT ON " + table
                        + " FOR EACH ROW EXECUTE FUNCTION full_disk()");
    }

    @Override
    String freeDisk(String table) {
        return "DROP TRIGGER full_disk ON " + table;
    }

    @Test
    void itsTablesAreThoseOfAFile(@TempDir Path folder) throws Exception {
        LedgerAddress file = LedgerAddress.ofFile(folder.resolve("ledger.db"));
        Set<String> local = columns(file);
        local.removeIf(column -> column.matches("(response|stored_file|batch).*"));

        assertThat(columns(ledger)).isEqualTo(local).hasSizeGreaterThan(60);
    }

    /** Names and whether they may be null. */
    private static Set<String> columns(LedgerAddress ledger) throws Exception {
        Set<String> found = new TreeSet<>();
        try (Connection connection = LedgerDatabase.open(ledger)) {
            DatabaseMetaData metadata = connection.getMetaData();
            try (ResultSet rows = metadata.getColumns(null, connection.getSchema(), "%", "%")) {
                while (rows.next()) {
                    String table = rows.getString("TABLE_NAME");
                    if (!table.startsWith("flyway") && !table.startsWith("sqlite")) {
                        found.add(table + "." + rows.getString("COLUMN_NAME"));
                    }
                }
            }
        }
        return found;
    }

    @Test
    void aLostConnectionIsMadeAnewAndNothingIsWrittenTwice() throws Exception {
        try (UsageLedger writer = begun()) {
            Posting first = posting(ManualClock.START_MILLIS + 10, 10_000_000,
                    List.of(row("a", 4_000_000)), List.of(),
                    List.of(time(MachineTime.Kind.IDLE, 6_000_000)), false);
            writer.append(first);
            PostgresServer.execute(url, DROP_OTHERS);

            assertThatExceptionOfType(LedgerException.class)
                    .isThrownBy(() -> writer.append(first)).withMessageContaining("cannot write");
            writer.append(first);

            assertThat(summary().requests()).isEqualTo(1);
            assertThat(summary().balance().balances()).isTrue();
        }
    }

    @Test
    void keysAreReadAgainAfterTheConnectionWasLost() throws Exception {
        try (KeyStore store = KeyStore.open(ledger)) {
            assertThat(store.list()).isEmpty();
            PostgresServer.execute(url, DROP_OTHERS);
            assertThatExceptionOfType(LedgerException.class).isThrownBy(store::list);
            assertThat(store.list()).isEmpty();
        }
    }

    @Test
    void whoeverOnlyReadsDoesNotNoticeALostConnection() throws Exception {
        try (LedgerView view = new LedgerView(ledger)) {
            begun().close();
            assertThat(view.read(LedgerReader::summary).requests()).isZero();
            PostgresServer.execute(url, DROP_OTHERS);
            assertThat(view.read(LedgerReader::summary).requests()).isZero();
        }
    }

    @Test
    void aServerThatWasReplacedWhileItWasCutOffWritesNoMore() throws Exception {
        UsageLedger writer = begun();
        PostgresServer.execute(url, DROP_OTHERS);
        UsageLedger usurper = UsageLedger.open(ledger);
        usurper.begin(ManualClock.START_MILLIS + 5_000, ManualClock.START_MILLIS + 5_000, RATE,
                1_000);
        Posting posting = posting(ManualClock.START_MILLIS + 10, 10_000_000, List.of(), List.of(),
                List.of(time(MachineTime.Kind.IDLE, 10_000_000)), false);
        assertThatExceptionOfType(LedgerException.class).isThrownBy(() -> writer.append(posting));
        assertThatExceptionOfType(LedgerException.class).isThrownBy(() -> writer.append(posting))
                .withMessageContaining("in use by another server");
        usurper.close();

        assertThatExceptionOfType(LedgerException.class).isThrownBy(() -> writer.append(posting))
                .withMessageContaining("another server began to write");
        assertThat(summary().balance().balances()).isTrue();
        writer.close();
    }

    @Test
    void aWrongNameIsAnsweredWithAdviceAndWithoutThePassword() {
        String missing = url.replaceFirst("/postgres\\?", "/nowhere?") + "&password=secret";
        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> UsageLedger.open(LedgerAddress.of(missing)))
                .withMessageContaining("createdb").withMessageNotContaining("secret");
        String silent = "jdbc:postgresql://127.0.0.1:1/ledger?user=me&password=secret";
        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> LedgerReader.open(LedgerAddress.of(silent)))
                .withMessageContaining("is it running").withMessageNotContaining("secret");
        String nobody = url.replaceFirst("user=postgres", "user=nobody");
        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> LedgerReader.open(LedgerAddress.of(nobody)))
                .withMessageContaining("check the user");
    }
}

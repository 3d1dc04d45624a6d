package dev.millrace.server.metering;

import dev.millrace.server.metering.database.LedgerAddress;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** The ledger in a file. */
class SqliteLedgerTest extends LedgerContract {

    @TempDir
    Path folder;

    @Override
    LedgerAddress fresh() {
        return LedgerAddress.ofFile(folder.resolve("ledger.db"));
    }

    @Override
    List<String> fillDisk(String table) {
        return List.of("CREATE TRIGGER full BEFORE INSERT ON " + table
                + " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
    }

    @Override
    String freeDisk(String table) {
        return "DROP TRIGGER full";
    }

    @Test
    void aPathIsAFileAndAnythingElseThatLooksLikeAnAddressIsRefused() {
        assertThat(LedgerAddress.of("books/ledger.db").file())
                .hasValueSatisfying(file -> assertThat(file).isAbsolute()
                        .endsWithRaw(Path.of("books/ledger.db")));
        assertThat(LedgerAddress.of("C-drive.db").file()).isPresent();
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:mysql://host/db", "jdbc:sqlite:ledger.db",
        "postgresql://me:secret@host/db", "postgres://me:secret@host/db",
        "jdbc:postgresql://host:99999/db", "jdbc:postgresql://host:port/db?password=secret"})
    void anAddressThatCannotBeOneIsRefusedWithoutTellingThePassword(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> LedgerAddress.of(text))
                .withMessageContaining("jdbc:postgresql://host:5432/")
                .withMessageNotContaining("secret");
    }
}

package dev.millrace.server.metering;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;

/** Creates the ledger's tables and brings older ones up to date. */
final class LedgerSchema {

    /** The newest version that this program knows. */
    static final int VERSION = 6;

    private static final String MIGRATIONS = "classpath:dev/millrace/server/metering/migration";

    private LedgerSchema() {}

    static void migrate(Path ledger) {
        try {
            Flyway.configure(LedgerSchema.class.getClassLoader())
                    .dataSource("jdbc:sqlite:" + ledger, null, null)
                    .locations(MIGRATIONS)
                    .loggers(FlywayLog.class.getName())
                    .load().migrate();
        } catch (FlywayException e) {
            throw new LedgerException("cannot set up the ledger " + ledger + ": " + e.getMessage(),
                    e);
        }
    }

    /**
     * Refuses a ledger that a newer program has written: its rows may mean something else.
     *
     * @return its version; 0 for a database without tables
     */
    static int requireKnown(Connection connection, Path ledger) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            try (ResultSet tables = statement.executeQuery(
                    "SELECT 1 FROM sqlite_master WHERE name = 'flyway_schema_history'")) {
                if (!tables.next()) {
                    return 0;
                }
            }
            try (ResultSet version = statement.executeQuery(
                    "SELECT max(CAST(version AS INTEGER)) FROM flyway_schema_history")) {
                version.next();
                if (version.getInt(1) > VERSION) {
                    throw new LedgerException("the ledger " + ledger + " is of version "
                            + version.getInt(1) + ", this program knows versions up to " + VERSION
                            + "; use the Millrace that wrote it or a newer one");
                }
                return version.getInt(1);
            }
        }
    }
}

package dev.millrace.server.metering.database;

import dev.millrace.server.metering.LedgerException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.configuration.FluentConfiguration;

/** Creates the ledger's tables and brings older ones up to date. */
final class LedgerSchema {

    /** The newest version that this program knows. */
    static final int VERSION = 9;

    private static final String MIGRATIONS = "classpath:dev/millrace/server/metering/migration";

    private LedgerSchema() {}

    /** @param password beside the one that the URL may have, or null */
    static void migrate(String url, String password, LedgerAddress ledger) {
        try {
            FluentConfiguration flyway = Flyway.configure(LedgerSchema.class.getClassLoader())
                    .dataSource(url, null, password)
                    .locations(MIGRATIONS)
                    .loggers(FlywayLog.class.getName());
            if (ledger.remote()) {
                flyway.resourceProvider(new PostgresMigrations(flyway));
            }
            flyway.load().migrate();
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
    static int requireKnown(Connection connection, LedgerAddress ledger) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            if (!hasHistory(connection, statement)) {
                return 0;
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

    private static boolean hasHistory(Connection connection, Statement statement)
            throws SQLException {
        if (PostgresDatabase.owns(connection)) {
            return PostgresDatabase.hasHistory(statement);
        }
        try (ResultSet tables = statement.executeQuery(
                "SELECT 1 FROM sqlite_master WHERE name = 'flyway_schema_history'")) {
            return tables.next();
        }
    }
}

package dev.millrace.server.metering.database;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;

import static org.junit.jupiter.api.Assumptions.*;

/** A server of PostgreSQL's for all tests of a process, which ends with it. */
public final class PostgresServer {

    private static final AtomicInteger LEDGERS = new AtomicInteger();
    private static EmbeddedPostgres server;

    private PostgresServer() {}

    /** The URL of an empty schema. */
    public static synchronized String freshUrl() throws IOException, SQLException {
        if (server == null) {
            assumeTrue(System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux")
                    && System.getProperty("os.arch").equals("amd64"),
                    "there is a PostgreSQL to test with for Linux on x86-64 alone");
            server = EmbeddedPostgres.builder().setServerConfig("fsync", "off")
                    .setServerConfig("full_page_writes", "off").start();
        }
        String schema = "ledger_" + LEDGERS.incrementAndGet();
        String url = server.getJdbcUrl("postgres", "postgres");
        execute(url, "CREATE SCHEMA " + schema);
        return url + "&currentSchema=" + schema;
    }

    /** Runs a statement, as its own transaction. */
    public static void execute(String url, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}

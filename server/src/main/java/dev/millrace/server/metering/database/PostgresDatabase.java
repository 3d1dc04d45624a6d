package dev.millrace.server.metering.database;

import dev.millrace.server.metering.LedgerException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;
import java.util.Properties;

/**
 * A ledger in a database of PostgreSQL's, in the schema that the connection comes to by itself. The
 * password is in the URL, in {@code MILLRACE_LEDGER_PASSWORD}, or in the {@code .pgpass} that the
 * driver looks for.
 */
final class PostgresDatabase implements LedgerAddress {

    /** Where the password may be instead of the URL, which others may see. */
    static final String PASSWORD_VARIABLE = "MILLRACE_LEDGER_PASSWORD";

    private static final int CONNECT_SECONDS = 5;
    /** A database that does not answer for so long is taken for lost. */
    private static final int SOCKET_SECONDS = 60;
    private static final int LOCK_SECONDS = 2;
    private static final int FETCH_ROWS = 2_000;
    /**
     * Sums are looked up by their key: with the server's defaults, which are for disks that turn,
     * it would rather read all of them, with helpers that take longer to start than this takes.
     */
    private static final String LOOK_UP = "SET random_page_cost = 1.1;"
            + " SET max_parallel_workers_per_gather = 0";

    private final String url;
    private final String password;

    /** @throws IllegalArgumentException if the driver does not understand the URL */
    PostgresDatabase(String url) {
        this(url, System.getenv(PASSWORD_VARIABLE));
    }

    PostgresDatabase(String url, String password) {
        this.url = url;
        this.password = password;
        try {
            DriverManager.getDriver(url);
        } catch (SQLException e) {
            throw new IllegalArgumentException(this + " is no URL of a database: it is written "
                    + POSTGRES + "//host:5432/database?user=name, with a port from 1 to 65535", e);
        }
    }

    static String withoutPassword(String url) {
        return url.replaceAll("(?i)(password=)[^&]*", "$1***")
                .replaceAll("(://[^:/@?]*:)[^@/]*@", "$1***@");
    }

    @Override
    public Optional<Path> file() {
        return Optional.empty();
    }

    @Override
    public boolean exists() {
        return true;
    }

    @Override
    public boolean remote() {
        return true;
    }

    @Override
    public Connection open() {
        return attempt("open", () -> {
            Connection connection = connect();
            return closedIfFailing(connection, () -> {
                if (LedgerSchema.requireKnown(connection, this) < LedgerSchema.VERSION) {
                    LedgerSchema.migrate(url, password, this);
                }
                return connection;
            });
        });
    }

    @Override
    public Connection openForReading() {
        return attempt("read", () -> {
            Connection connection = connect();
            return closedIfFailing(connection, () -> {
                int version = LedgerSchema.requireKnown(connection, this);
                if (version > 0 && version < LedgerSchema.VERSION) {
                    LedgerSchema.migrate(url, password, this);
                }
                try (Statement statement = connection.createStatement()) {
                    statement.execute(LOOK_UP);
                }
                connection.setReadOnly(true);
                connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
                connection.setAutoCommit(false);
                return connection;
            });
        });
    }

    @Override
    public ExclusiveConnection openExclusively() {
        Connection connection = open();
        return attempt("lock", () -> closedIfFailing(connection, () -> {
            if (!LedgerLock.take(connection)) {
                throw new LedgerException("the ledger " + this + " is in use by another server;"
                        + " stop that one, or give this one a database or schema of its own");
            }
            return new ExclusiveConnection(connection, () -> {}); // it ends with the connection
        }));
    }

    private Connection connect() throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("ApplicationName", "millrace");
        properties.setProperty("connectTimeout", Integer.toString(CONNECT_SECONDS));
        properties.setProperty("socketTimeout", Integer.toString(SOCKET_SECONDS));
        properties.setProperty("tcpKeepAlive", "true");
        properties.setProperty("defaultRowFetchSize", Integer.toString(FETCH_ROWS));
        if (password != null) {
            properties.setProperty("password", password);
        }
        Connection connection = DriverManager.getConnection(url, properties);
        return closedIfFailing(connection, () -> {
            try (Statement statement = connection.createStatement()) {
                statement.execute("SET lock_timeout = '" + LOCK_SECONDS + "s';"
                        + " SET synchronous_commit = on");
            }
            return connection;
        });
    }

    private interface Step<T> {
        T run() throws SQLException;
    }

    private static <T> T closedIfFailing(Connection connection, Step<T> step)
            throws SQLException {
        try {
            return step.run();
        } catch (SQLException | RuntimeException e) {
            try {
                connection.close();
            } catch (SQLException closing) {
                e.addSuppressed(closing);
            }
            throw e;
        }
    }

    private <T> T attempt(String verb, Step<T> step) {
        try {
            return step.run();
        } catch (SQLException e) {
            throw new LedgerException("cannot " + verb + " the ledger " + this + ": "
                    + e.getMessage() + advice(e.getSQLState()), e);
        }
    }

    /** By the classes of the SQL standard and PostgreSQL's appendix A. */
    private static String advice(String state) {
        return switch (state == null ? "" : state) {
            case "08001", "08004", "08006" -> "; is it running, and does it listen there?";
            case "28000", "28P01" -> "; check the user in the URL and the password, which may also"
                    + " be in " + PASSWORD_VARIABLE;
            case "3D000" -> "; make it with createdb";
            case "42501" -> "; the user needs the right to create tables in its schema";
            default -> "";
        };
    }

    /** Whether a connection is of this kind. */
    static boolean owns(Connection connection) throws SQLException {
        return connection.getMetaData().getDatabaseProductName().equals("PostgreSQL");
    }

    /** The version of the ledger's tables; 0 if there are none. */
    static boolean hasHistory(Statement statement) throws SQLException {
        try (ResultSet found = statement.executeQuery(
                "SELECT to_regclass('flyway_schema_history') IS NOT NULL")) {
            found.next();
            return found.getBoolean(1);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PostgresDatabase database && database.url.equals(url);
    }

    @Override
    public int hashCode() {
        return url.hashCode();
    }

    @Override
    public String toString() {
        return withoutPassword(url);
    }
}

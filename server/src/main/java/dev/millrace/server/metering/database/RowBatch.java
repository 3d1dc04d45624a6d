package dev.millrace.server.metering.database;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * One statement for many rows of values. PostgreSQL gets them in one message, an array per column,
 * since every message costs more than a row does; SQLite, which is in this very process, one by
 * one.
 */
public abstract sealed class RowBatch implements AutoCloseable {

    /** How many values are in a row. */
    private final int columns;
    private int values;

    private RowBatch(int columns) {
        this.columns = columns;
    }

    /**
     * Prepares a statement.
     *
     * @param head  what comes before the rows: {@code INSERT INTO t (a, b)} or
     *              {@code DELETE FROM t WHERE a IN (}
     * @param types of the columns, a letter each: {@code t} for text, {@code n} for a number
     * @param tail  what comes behind the rows
     */
    public static RowBatch of(Connection connection, String head, String types, String tail)
            throws SQLException {
        return PostgresDatabase.owns(connection)
                ? new Arrayed(connection, head, types, tail)
                : new OneByOne(connection, head, types.length(), tail);
    }

    /** The next value of the row that is being filled, or the first one of the next row. */
    public final RowBatch text(String value) throws SQLException {
        put(values % columns, value);
        return advance();
    }

    /** The same of a number. */
    public final RowBatch number(long value) throws SQLException {
        put(values % columns, value);
        return advance();
    }

    /** A number that is null in the database where it is negative here. */
    public final RowBatch optional(long value) throws SQLException {
        if (value >= 0) {
            return number(value);
        }
        put(values % columns, null);
        return advance();
    }

    private RowBatch advance() throws SQLException {
        if (++values % columns == 0) {
            endRow();
        }
        return this;
    }

    /** Whether there is no row. */
    public final boolean isEmpty() {
        return values == 0;
    }

    /** Runs the statement for all rows, if there are any. */
    public abstract void run() throws SQLException;

    /**
     * Runs an insertion that leaves alone what is there.
     *
     * @param key the table's, which is the first column and a text
     * @return for each row whether it was not there, neither before nor earlier among these
     */
    public abstract boolean[] insertMissing(String key) throws SQLException;

    abstract void put(int column, Object value) throws SQLException;

    abstract void endRow() throws SQLException;

    final int rows() {
        if (values % columns != 0) {
            throw new IllegalStateException("the last row has " + values % columns + " of "
                    + columns + " values");
        }
        return values / columns;
    }

    @Override
    public abstract void close() throws SQLException;

    private static final class OneByOne extends RowBatch {

        private final PreparedStatement statement;

        OneByOne(Connection connection, String head, int columns, String tail)
                throws SQLException {
            super(columns);
            statement = connection.prepareStatement(head + " VALUES ("
                    + String.join(", ", Collections.nCopies(columns, "?")) + ") " + tail);
        }

        @Override
        void put(int column, Object value) throws SQLException {
            switch (value) {
                case null -> statement.setNull(column + 1, Types.NULL);
                case Long number -> statement.setLong(column + 1, number);
                default -> statement.setString(column + 1, (String) value);
            }
        }

        @Override
        void endRow() throws SQLException {
            statement.addBatch();
        }

        @Override
        public void run() throws SQLException {
            if (rows() > 0) {
                statement.executeBatch();
            }
        }

        @Override
        public boolean[] insertMissing(String key) throws SQLException {
            boolean[] inserted = new boolean[rows()];
            if (inserted.length > 0) {
                int[] counts = statement.executeBatch();
                for (int i = 0; i < inserted.length; i++) {
                    inserted[i] = counts[i] > 0;
                }
            }
            return inserted;
        }

        @Override
        public void close() throws SQLException {
            statement.close();
        }
    }

    private static final class Arrayed extends RowBatch {

        private final Connection connection;
        private final String sql;
        private final String types;
        private final List<List<Object>> table = new ArrayList<>();

        Arrayed(Connection connection, String head, String types, String tail) {
            super(types.length());
            this.connection = connection;
            this.types = types;
            List<String> arrays = new ArrayList<>();
            for (int i = 0; i < types.length(); i++) {
                table.add(new ArrayList<>());
                arrays.add("CAST(? AS " + type(i) + "[])");
            }
            sql = head + " SELECT * FROM unnest(" + String.join(", ", arrays) + ") " + tail;
        }

        private String type(int column) {
            return types.charAt(column) == 't' ? "text" : "int8";
        }

        @Override
        void put(int column, Object value) {
            table.get(column).add(value);
        }

        @Override
        void endRow() {
            // a row is what the columns have at its index
        }

        @Override
        public void run() throws SQLException {
            if (rows() == 0) {
                return;
            }
            try (PreparedStatement statement = prepare(sql)) {
                statement.executeUpdate();
            }
        }

        @Override
        public boolean[] insertMissing(String key) throws SQLException {
            boolean[] inserted = new boolean[rows()];
            if (inserted.length == 0) {
                return inserted;
            }
            Set<Object> missing = new HashSet<>();
            try (PreparedStatement statement = prepare(sql + " RETURNING " + key);
                    ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    missing.add(rows.getString(1));
                }
            }
            for (int i = 0; i < inserted.length; i++) {
                inserted[i] = missing.remove(table.getFirst().get(i));
            }
            return inserted;
        }

        private PreparedStatement prepare(String text) throws SQLException {
            PreparedStatement statement = connection.prepareStatement(text);
            for (int i = 0; i < table.size(); i++) {
                Object[] column = table.get(i).toArray();
                statement.setArray(i + 1, connection.createArrayOf(type(i),
                        types.charAt(i) == 't'
                                ? Arrays.copyOf(column, column.length, String[].class)
                                : Arrays.copyOf(column, column.length, Long[].class)));
            }
            return statement;
        }

        @Override
        public void close() {
            // each statement is closed as soon as it ran
        }
    }
}

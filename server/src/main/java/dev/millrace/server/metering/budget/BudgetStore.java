package dev.millrace.server.metering.budget;

import dev.millrace.server.metering.database.LastingConnection;
import dev.millrace.server.metering.database.LedgerAddress;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The budgets in the ledger's database, and what the ledger says was spent. Several processes may
 * have it open: what one writes, the others read from then on.
 */
public final class BudgetStore implements AutoCloseable {

    /** Most budgets in one database; every request looks at all of them. */
    public static final int MOST_BUDGETS = 1_000;

    private static final String CHARGED = "coalesce(charged_nano_usd, cost_nano_usd)";

    private final LastingConnection database;

    /** @param pieces by the moment at which each begins, in milliseconds */
    record Spending(long nanoUsd, SortedMap<Long, Long> pieces) {}

    private BudgetStore(LastingConnection database) {
        this.database = database;
    }

    /** Opens the budgets beside a ledger, which is made if there is none. */
    public static BudgetStore open(LedgerAddress ledger) {
        return new BudgetStore(new LastingConnection(ledger, "budgets"));
    }

    /** All budgets, in the order of their scopes and names. */
    public synchronized List<Budget> list() {
        List<Budget> budgets = new ArrayList<>();
        database.attempt("read", () -> {
            try (PreparedStatement select = database.connection()
                    .prepareStatement("SELECT scope, name,"
                            + " period, hard_nano_usd, soft_nano_usd, time_zone FROM budget"
                            + " ORDER BY scope, name, period");
                    ResultSet rows = select.executeQuery()) {
                while (rows.next()) {
                    budgets.add(new Budget(BudgetScope.ofWord(rows.getString(1)),
                            rows.getString(2), BudgetPeriod.ofWord(rows.getString(3)),
                            optional(rows, 4), optional(rows, 5), ZoneId.of(rows.getString(6))));
                }
            }
        });
        return budgets;
    }

    private static OptionalLong optional(ResultSet rows, int column) throws SQLException {
        long value = rows.getLong(column);
        return rows.wasNull() ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /**
     * Sets a budget, in the place of the one for the same.
     *
     * @throws IllegalArgumentException if there are too many
     */
    public synchronized void set(Budget budget) {
        List<Budget> others = list();
        others.removeIf(other -> other.id().equals(budget.id()));
        if (others.size() >= MOST_BUDGETS) {
            throw new IllegalArgumentException("there are " + MOST_BUDGETS + " budgets already;"
                    + " remove one first");
        }
        database.attempt("write", () -> {
            try (PreparedStatement upsert = database.connection()
                    .prepareStatement("INSERT INTO budget (scope,"
                            + " name, period, hard_nano_usd, soft_nano_usd, time_zone, created_ms)"
                            + " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope, name, period)"
                            + " DO UPDATE"
                            + " SET hard_nano_usd = excluded.hard_nano_usd,"
                            + " soft_nano_usd = excluded.soft_nano_usd,"
                            + " time_zone = excluded.time_zone")) {
                upsert.setString(1, budget.scope().word());
                upsert.setString(2, budget.name());
                upsert.setString(3, budget.period().word());
                setOptional(upsert, 4, budget.hardNanoUsd());
                setOptional(upsert, 5, budget.softNanoUsd());
                upsert.setString(6, budget.zone().getId());
                upsert.setLong(7, System.currentTimeMillis());
                upsert.executeUpdate();
            }
        });
    }

    private static void setOptional(PreparedStatement statement, int index, OptionalLong value)
            throws SQLException {
        if (value.isPresent()) {
            statement.setLong(index, value.getAsLong());
        } else {
            statement.setNull(index, Types.INTEGER);
        }
    }

    /** Removes a budget. @return whether there was one */
    public synchronized boolean remove(Budget.Id id) {
        boolean[] removed = new boolean[1];
        database.attempt("write", () -> {
            try (PreparedStatement delete = database.connection().prepareStatement(
                    "DELETE FROM budget WHERE scope = ? AND name = ? AND period = ?")) {
                delete.setString(1, id.scope().word());
                delete.setString(2, id.name());
                delete.setString(3, id.period().word());
                removed[0] = delete.executeUpdate() > 0;
            }
        });
        return removed[0];
    }

    /**
     * What the ledger says was charged to those whom a budget covers, up to a moment.
     *
     * @param beganMillis  of the budget's present period
     * @param windowMillis length of the time to give in pieces, at least
     * @param pieceMillis  length of a piece
     * @param without      ids of requests to leave out
     */
    synchronized Spending spent(Budget budget, long beganMillis, long upToMillis,
            long windowMillis, long pieceMillis, Set<String> without) {
        SortedMap<Long, Long> pieces = new TreeMap<>();
        long[] sum = new long[1];
        long firstMillis = Math.floorDiv(upToMillis - windowMillis, pieceMillis) * pieceMillis;
        String covered = switch (budget.scope()) {
            case SERVER -> "";
            case TEAM -> " AND tenant = ?";
            case PROJECT -> " AND project = ?";
            case KEY -> " AND key_id IN (SELECT id FROM api_key WHERE name = ?)";
        };
        database.attempt("read", () -> {
            read("SELECT 0, sum(" + CHARGED + ") FROM request WHERE finished_ms >= ?"
                    + " AND finished_ms <= ?" + covered, budget, null, beganMillis, upToMillis,
                    (at, nanoUsd) -> sum[0] += nanoUsd);
            read("SELECT finished_ms / " + pieceMillis + " * " + pieceMillis + ", sum(" + CHARGED
                    + ") FROM request WHERE finished_ms >= ? AND finished_ms <= ?" + covered
                    + " GROUP BY 1", budget, null, firstMillis, upToMillis,
                    (at, nanoUsd) -> pieces.merge(at, nanoUsd, Long::sum));
            for (String id : without) {
                read("SELECT finished_ms, " + CHARGED + " FROM request WHERE finished_ms >= ?"
                        + " AND finished_ms <= ?" + covered + " AND id = ?", budget, id,
                        Math.min(firstMillis, beganMillis), upToMillis, (at, nanoUsd) -> {
                            sum[0] -= at >= beganMillis ? nanoUsd : 0;
                            long piece = Math.floorDiv(at, pieceMillis) * pieceMillis;
                            pieces.computeIfPresent(piece, (start, all) -> all - nanoUsd);
                        });
            }
        });
        return new Spending(sum[0], pieces);
    }

    private interface Row {
        void read(long atMillis, long nanoUsd);
    }

    private void read(String sql, Budget budget, String id, long fromMillis, long upToMillis,
            Row row) throws SQLException {
        try (PreparedStatement select = database.connection().prepareStatement(sql)) {
            select.setLong(1, fromMillis);
            select.setLong(2, upToMillis);
            int next = 3;
            if (budget.scope() != BudgetScope.SERVER) {
                select.setString(next++, budget.name());
            }
            if (id != null) {
                select.setString(next, id);
            }
            try (ResultSet rows = select.executeQuery()) {
                while (rows.next()) {
                    row.read(rows.getLong(1), rows.getLong(2));
                }
            }
        }
    }

    @Override
    public synchronized void close() {
        database.close();
    }
}

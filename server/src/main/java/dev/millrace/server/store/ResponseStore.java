package dev.millrace.server.store;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Responses that clients may ask for again and continue. One stays for the store's retention, and
 * as long as one that continues it; the oldest of a tenant go when all take too much. Safe to share
 * between threads.
 */
public final class ResponseStore {

    /** Rows that one transaction removes: a writer behind it waits for no more. */
    private static final int REMOVED_AT_ONCE = 200;

    private final StoreDatabase database;

    public ResponseStore(StoreDatabase database) {
        this.database = database;
        database.hourly(this::removeExpired);
    }

    /**
     * Keeps a response, in the place of one that was kept under its id.
     *
     * @return false if it alone takes more than a tenant may
     */
    public boolean keep(StoredResponse response) throws InterruptedException {
        long bytes = response.bytes();
        if (bytes > database.limits().tenantBytes()) {
            return false;
        }
        return database.write(connection -> {
            Statements.update(connection, "DELETE FROM response WHERE id = ? AND tenant = ?",
                    response.id(), response.tenant());
            makeRoom(connection, response.tenant(), bytes);
            long now = database.clock().millis();
            Statements.update(connection,
                    "INSERT INTO response (id, tenant, key_id, previous_id, created_ms,"
                            + " expires_ms, bytes, object) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    response.id(),
                    response.tenant(), response.keyId(), response.previousId(), now,
                    now + database.limits().retention().toMillis(), bytes, response.object());
            for (int i = 0; i < response.items().size(); i++) {
                StoredItem item = response.items().get(i);
                Statements.update(connection,
                        "INSERT INTO response_item (response_id, position, item_id,"
                                + " output, object) VALUES (?, ?, ?, ?, ?)",
                        response.id(), i, item.id(),
                        item.output() ? 1 : 0, item.object());
            }
            return true;
        });
    }

    private void makeRoom(Connection connection, String tenant, long bytes) throws SQLException {
        int removed = 1;
        while (removed > 0
                && total(connection, tenant) + bytes > database.limits().tenantBytes()) {
            removed = Statements.update(connection, "DELETE FROM response WHERE id IN (SELECT id"
                    + " FROM response WHERE tenant = ? ORDER BY created_ms, rowid LIMIT 1)",
                    tenant);
        }
    }

    private static long total(Connection connection, String tenant) throws SQLException {
        return Statements.query(connection, "SELECT bytes FROM response_total WHERE tenant = ?",
                rows -> rows.getLong(1), tenant).stream().findFirst().orElse(0L);
    }

    /** A tenant's response; empty if there is none, or no longer. */
    public Optional<StoredResponse> find(String tenant, String id) throws InterruptedException {
        return database.read(connection -> Statements.query(connection,
                "SELECT key_id, previous_id, object"
                        + " FROM response WHERE id = ? AND tenant = ? AND expires_ms > ?",
                rows -> new StoredResponse(id, tenant, rows.getString(1), rows.getString(2),
                        rows.getString(3), items(connection, id)),
                id, tenant, database.clock().millis()).stream().findFirst());
    }

    /** Forgets a tenant's response. @return whether there was one */
    public boolean remove(String tenant, String id) throws InterruptedException {
        return database.write(connection -> Statements.update(connection,
                "DELETE FROM response WHERE id = ? AND tenant = ? AND expires_ms > ?", id, tenant,
                database.clock().millis()) > 0);
    }

    /** A tenant's item of this id, the newest if there are several. */
    public Optional<StoredItem> item(String tenant, String itemId) throws InterruptedException {
        return database.read(connection -> Statements.query(connection, "SELECT i.output, i.object"
                + " FROM response_item i JOIN response r ON r.id = i.response_id"
                + " WHERE i.item_id = ? AND r.tenant = ? AND r.expires_ms > ?"
                + " ORDER BY r.created_ms DESC LIMIT 1",
                rows -> new StoredItem(itemId, rows.getInt(1) == 1, rows.getString(2)), itemId,
                tenant, database.clock().millis()).stream().findFirst());
    }

    private record Link(String id, String previousId, long bytes) {}

    /**
     * All that a response which continues this one continues.
     *
     * @return empty if the tenant has no such response
     */
    public Optional<History> history(String tenant, String id) throws InterruptedException {
        return database.read(connection -> {
            List<Link> chain = Statements.query(connection, """
                    WITH RECURSIVE chain (id, previous_id, bytes, depth) AS (
                        SELECT id, previous_id, bytes, 1 FROM response
                            WHERE id = ? AND tenant = ? AND expires_ms > ?
                        UNION ALL
                        SELECT r.id, r.previous_id, r.bytes, depth + 1
                            FROM chain JOIN response r ON r.id = chain.previous_id
                            WHERE r.tenant = ? AND depth <= ?)
                    SELECT id, previous_id, bytes FROM chain ORDER BY depth DESC""",
                    rows -> new Link(rows.getString(1), rows.getString(2), rows.getLong(3)), id,
                    tenant, database.clock().millis(), tenant, database.limits().historyLength());
            return chain.isEmpty() ? Optional.empty() : Optional.of(history(connection, chain));
        });
    }

    private History history(Connection connection, List<Link> chain) throws SQLException {
        StoreLimits limits = database.limits();
        if (chain.size() > limits.historyLength()
                || chain.stream().mapToLong(Link::bytes).sum() > limits.historyBytes()) {
            return History.beyondLimits();
        }
        if (chain.getFirst().previousId() != null) {
            return History.missing(chain.getFirst().previousId());
        }
        List<StoredItem> items = new ArrayList<>();
        for (Link link : chain) {
            items.addAll(items(connection, link.id()));
        }
        return History.of(items);
    }

    private static List<StoredItem> items(Connection connection, String id) throws SQLException {
        return Statements.query(connection, "SELECT item_id, output, object FROM response_item"
                + " WHERE response_id = ? ORDER BY position",
                rows -> new StoredItem(rows.getString(1), rows.getInt(2) == 1, rows.getString(3)),
                id);
    }

    /** Those that nothing continues; the ones that they continue are next. */
    private boolean removeExpired(Connection connection) throws SQLException {
        return Statements.update(connection, """
                DELETE FROM response WHERE id IN (SELECT id FROM response r
                    WHERE expires_ms <= ? AND NOT EXISTS (
                        SELECT 1 FROM response later WHERE later.previous_id = r.id)
                    LIMIT ?)""", database.clock().millis(), REMOVED_AT_ONCE) > 0;
    }
}

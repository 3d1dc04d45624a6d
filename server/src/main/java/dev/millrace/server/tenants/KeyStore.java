package dev.millrace.server.tenants;

import dev.millrace.server.metering.database.LastingConnection;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.database.WriteTransaction;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The keys in the ledger's database. Several processes may have it open: what one writes, the
 * others read from then on.
 */
public final class KeyStore implements AutoCloseable {

    /** Most keys in one database, revoked ones included: a server holds them all in memory. */
    public static final int MOST_KEYS = 10_000;

    private final LastingConnection database;
    private final SecureRandom random = new SecureRandom();

    private KeyStore(LastingConnection database) {
        this.database = database;
    }

    /** Opens the keys beside a ledger, which is made if there is none. */
    public static KeyStore open(LedgerAddress ledger) {
        return new KeyStore(new LastingConnection(ledger, "keys"));
    }

    /** The same of a ledger in a file. */
    public static KeyStore open(Path ledger) {
        return open(LedgerAddress.ofFile(ledger));
    }

    /**
     * Makes a key.
     *
     * @param wanted what it is to be; its id and times are ignored
     * @throws IllegalArgumentException if a good key has that name
     */
    public synchronized NewKey create(ApiKey wanted) {
        KeyText text = KeyText.random(random);
        ApiKey key = new ApiKey(text.id(), wanted.name(), wanted.team(), wanted.project(),
                wanted.role(), wanted.requestsPerMinute(), wanted.tokensPerMinute(),
                wanted.models(),
                System.currentTimeMillis(), 0);
        database.attempt("write", () -> WriteTransaction.run(database.connection(), () -> {
            List<ApiKey> before = keys().stream().map(StoredKey::key).toList();
            if (before.stream().anyMatch(one -> !one.revoked()
                    && one.name().equals(key.name()))) {
                throw new IllegalArgumentException("there is a key called " + key.name()
                        + "; choose another name, or revoke that one first");
            }
            if (before.size() >= MOST_KEYS) {
                throw new IllegalArgumentException("there are " + MOST_KEYS + " keys already,"
                        + " revoked ones included; start a new ledger");
            }
            insert(key, text.sha256());
        }));
        return new NewKey(key, text.whole());
    }

    /**
     * Ends a key for good.
     *
     * @param nameOrId either
     * @throws IllegalArgumentException if no good key is called that
     */
    public synchronized ApiKey revoke(String nameOrId) {
        List<ApiKey> found = list().stream().filter(key -> !key.revoked()
                && (key.id().equals(nameOrId) || key.name().equals(nameOrId))).toList();
        if (found.size() != 1) {
            throw new IllegalArgumentException(found.isEmpty()
                    ? "there is no good key \"" + nameOrId + "\"; ./millrace keys list shows them"
                    : "\"" + nameOrId + "\" is the name of one key and the id of another;"
                            + " revoke the former by its id");
        }
        database.attempt("write", () -> {
            try (PreparedStatement update = database.connection().prepareStatement(
                    "UPDATE api_key SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL")) {
                update.setLong(1, System.currentTimeMillis());
                update.setString(2, found.getFirst().id());
                update.executeUpdate();
            }
        });
        return found.getFirst();
    }

    /** All keys, oldest first. */
    public List<ApiKey> list() {
        return stored().stream().map(StoredKey::key).toList();
    }

    synchronized List<StoredKey> stored() {
        List<StoredKey> keys = new ArrayList<>();
        database.attempt("read", () -> keys.addAll(keys()));
        return keys;
    }

    private List<StoredKey> keys() throws SQLException {
        Map<String, Set<String>> models = new HashMap<>();
        try (PreparedStatement select = database.connection()
                .prepareStatement("SELECT key_id, model FROM api_key_model");
                ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
                models.computeIfAbsent(rows.getString(1), id -> new HashSet<>())
                        .add(rows.getString(2));
            }
        }
        List<StoredKey> keys = new ArrayList<>();
        try (PreparedStatement select = database.connection().prepareStatement("""
                SELECT id, name, team, role, requests_per_minute, tokens_per_minute, created_ms,
                    revoked_ms, secret_sha256, project
                FROM api_key ORDER BY created_ms, id"""); ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
                String id = rows.getString(1);
                keys.add(new StoredKey(new ApiKey(id, rows.getString(2), rows.getString(3),
                        Optional.ofNullable(rows.getString(10)), Role.ofWord(rows.getString(4)),
                        rows.getInt(5), rows.getInt(6),
                        models.getOrDefault(id, Set.of()), rows.getLong(7), rows.getLong(8)),
                        rows.getBytes(9)));
            }
        }
        return keys;
    }

    private void insert(ApiKey key, byte[] sha256) throws SQLException {
        try (PreparedStatement insert = database.connection()
                .prepareStatement("INSERT INTO api_key (id,"
                        + " secret_sha256, name, team, role, requests_per_minute,"
                        + " tokens_per_minute,"
                        + " created_ms, project) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
            insert.setString(1, key.id());
            insert.setBytes(2, sha256);
            insert.setString(3, key.name());
            insert.setString(4, key.team());
            insert.setString(5, key.role().word());
            setLimit(insert, 6, key.requestsPerMinute());
            setLimit(insert, 7, key.tokensPerMinute());
            insert.setLong(8, key.createdMillis());
            insert.setString(9, key.project().orElse(null));
            insert.executeUpdate();
        }
        for (String model : key.models()) {
            try (PreparedStatement insert = database.connection().prepareStatement(
                    "INSERT INTO api_key_model (key_id, model) VALUES (?, ?)")) {
                insert.setString(1, key.id());
                insert.setString(2, model);
                insert.executeUpdate();
            }
        }
    }

    private static void setLimit(PreparedStatement statement, int index, int limit)
            throws SQLException {
        if (limit == 0) {
            statement.setNull(index, Types.INTEGER);
        } else {
            statement.setInt(index, limit);
        }
    }

    @Override
    public synchronized void close() {
        database.close();
    }
}

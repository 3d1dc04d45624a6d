package dev.millrace.server.tenants;

import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.metering.database.LedgerAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys as a server uses them: in memory, read again from the database when the last reading is
 * a second old, so that a key that another process makes or revokes counts at once. If the database
 * cannot be read, the last reading counts for half a minute more and then no key does.
 */
public final class KeyRing implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(KeyRing.class);
    private static final Duration FRESH = Duration.ofSeconds(1);
    private static final Duration USABLE = Duration.ofSeconds(30);
    /** What an unknown id is compared with, so that it takes as long as a known one. */
    private static final byte[] NOBODY = new byte[32];

    private final Supplier<List<StoredKey>> source;
    private final Runnable closing;
    private final LongSupplier nanoTime;
    private final ReentrantLock reading = new ReentrantLock();
    private volatile Reading last;
    private volatile long triedNanos;

    /** @param any whether there is a key at all, good or revoked */
    private record Reading(boolean any, Map<String, Entry> good, long nanos) {}

    private record Entry(StoredKey stored, Identity owner) {}

    private KeyRing(Supplier<List<StoredKey>> source, Runnable closing, LongSupplier nanoTime) {
        this.source = source;
        this.closing = closing;
        this.nanoTime = nanoTime;
        this.triedNanos = nanoTime.getAsLong();
        this.last = read(new Reading(false, Map.of(), triedNanos));
    }

    /** The keys beside a ledger. @throws LedgerException if they cannot be read */
    public static KeyRing open(LedgerAddress ledger) {
        KeyStore store = KeyStore.open(ledger);
        try {
            return new KeyRing(store::stored, store::close, System::nanoTime);
        } catch (RuntimeException e) {
            store.close();
            throw e;
        }
    }

    /** The same of a ledger in a file. */
    public static KeyRing open(Path ledger) {
        return open(LedgerAddress.ofFile(ledger));
    }

    /** A ring without keys, for a server that needs none. */
    public static KeyRing empty() {
        return of(List::of, System::nanoTime);
    }

    static KeyRing of(Supplier<List<StoredKey>> source, LongSupplier nanoTime) {
        return new KeyRing(source, () -> {}, nanoTime);
    }

    /** Whether no key was ever made; revoking the last one does not open a server again. */
    public boolean isEmpty() {
        return !current().any();
    }

    /** The owner of a key that a client sent; empty if it is none, or no longer good. */
    public Optional<Identity> find(String sent) {
        Map<String, Entry> good = current().good();
        return KeyText.parse(sent).flatMap(text -> {
            Entry entry = good.get(text.id());
            boolean matches = text.matches(entry == null ? NOBODY : entry.stored().sha256());
            return matches && entry != null ? Optional.of(entry.owner()) : Optional.empty();
        });
    }

    /**
     * The owner of a key that was good when something was begun with it.
     *
     * @param id the key's, or null if none was needed
     * @return empty if it is no longer good
     */
    public Optional<Identity> owner(String id) {
        return id == null
                ? Optional.of(Identity.LOCAL)
                : Optional.ofNullable(current().good().get(id)).map(Entry::owner);
    }

    private Reading current() {
        long now = nanoTime.getAsLong();
        if (now - triedNanos >= FRESH.toNanos()) {
            reading.lock();
            try {
                if (now - triedNanos >= FRESH.toNanos()) {
                    triedNanos = now;
                    readAgain(now);
                }
            } finally {
                reading.unlock();
            }
        }
        Reading reading = last;
        if (now - reading.nanos() > USABLE.toNanos()) {
            throw new LedgerException("the keys could not be read for " + USABLE.toSeconds()
                    + " seconds");
        }
        return reading;
    }

    private void readAgain(long now) {
        Reading before = last;
        try {
            last = read(new Reading(before.any(), before.good(), now));
        } catch (LedgerException e) {
            LOG.error("the keys as of {} s ago count: {}",
                    Duration.ofNanos(now - before.nanos()).toSeconds(), e.getMessage());
        }
    }

    /** Reads anew; keys that were known keep their quota as it stands. */
    private Reading read(Reading before) {
        List<StoredKey> stored = source.get();
        Map<String, Entry> good = new HashMap<>();
        for (StoredKey one : stored) {
            ApiKey key = one.key();
            if (!key.revoked()) {
                Entry known = before.good().get(key.id());
                good.put(key.id(), known != null && known.stored().key().equals(key)
                        ? known
                        : new Entry(one, Identity.of(key, new Quota(key.requestsPerMinute(),
                                key.tokensPerMinute(), nanoTime))));
            }
        }
        return new Reading(!stored.isEmpty(), Map.copyOf(good), before.nanos());
    }

    @Override
    public void close() {
        closing.run();
    }
}

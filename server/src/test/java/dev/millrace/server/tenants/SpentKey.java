package dev.millrace.server.tenants;

import java.security.SecureRandom;
import java.util.List;
import java.util.Set;

/**
 * A key that has used up the requests of its minute. Time stands still for it until somebody sends
 * it, so the first request is always refused, and one that comes back too soon is as well.
 */
public final class SpentKey {

    private static final int REQUESTS_PER_MINUTE = 50; // so that one takes 1.2 seconds

    private final KeyText text = KeyText.random(new SecureRandom());
    private final KeyRing ring;
    private long beganNanos;
    private boolean counts;

    public SpentKey() {
        StoredKey stored = new StoredKey(new ApiKey(text.id(), "spent", "team", Role.TENANT,
                REQUESTS_PER_MINUTE, 0, Set.of(), 1, 0), text.sha256());
        ring = KeyRing.of(() -> List.of(stored), this::nanoTime);
        Quota quota = ring.find(text.whole()).orElseThrow().quota();
        for (int i = 0; i < REQUESTS_PER_MINUTE; i++) {
            quota.takeRequest();
        }
        counts = true;
    }

    private synchronized long nanoTime() {
        if (!counts) {
            return 0;
        }
        beganNanos = beganNanos == 0 ? System.nanoTime() : beganNanos;
        return System.nanoTime() - beganNanos;
    }

    /** The only key there is. */
    public KeyRing ring() {
        return ring;
    }

    /** What clients send. */
    public String secret() {
        return text.whole();
    }
}

package dev.millrace.server.tenants;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;

/**
 * What one key may use in a minute. Tokens are reserved before a request runs, all that it could
 * use, and settled when it has ended: however many requests come at once, what they use together
 * stays within the limit.
 */
public final class Quota {

    /** No limits. */
    public static final Quota UNLIMITED = new Quota(0, 0, System::nanoTime);

    private static final String REQUESTS = "requests";
    private static final String TOKENS = "tokens";

    private final TokenBucket requests; // null for no limit
    private final TokenBucket tokens; // null for no limit

    /** Limits per minute; 0 for none. */
    Quota(int requestsPerMinute, int tokensPerMinute, LongSupplier nanoTime) {
        this.requests = requestsPerMinute == 0
                ? null
                : new TokenBucket(requestsPerMinute, nanoTime);
        this.tokens = tokensPerMinute == 0 ? null : new TokenBucket(tokensPerMinute, nanoTime);
    }

    /** Counts a request. @throws QuotaException if the minute's are used up */
    public void takeRequest() {
        if (requests != null) {
            require(requests, REQUESTS, 1);
        }
    }

    /**
     * Sets tokens aside.
     *
     * @param most what the request can use at most, prompt and completion together; more than a
     *             whole minute's is taken for a minute's, or it could never run
     * @return where to say what it has used
     * @throws QuotaException if there are not so many now
     */
    public Reservation reserve(long most) {
        if (tokens == null) {
            return new Reservation(null, 0);
        }
        long reserved = Math.min(most, tokens.perMinute());
        require(tokens, TOKENS, reserved);
        return new Reservation(tokens, reserved);
    }

    private static void require(TokenBucket bucket, String resource, long wanted) {
        Duration wait = bucket.take(wanted);
        if (!wait.isZero()) {
            throw new QuotaException(resource, "this key's limit of " + bucket.perMinute() + " "
                    + resource + " per minute is reached: " + bucket.remaining()
                    + " remain and this request wants " + wanted + "; try again in "
                    + text(wait), wait);
        }
    }

    /** How the limits stand, in OpenAI's headers; empty without limits. */
    public Map<String, String> headers() {
        Map<String, String> headers = new LinkedHashMap<>();
        describe(requests, REQUESTS, headers);
        describe(tokens, TOKENS, headers);
        return headers;
    }

    private static void describe(TokenBucket bucket, String resource,
            Map<String, String> headers) {
        if (bucket != null) {
            headers.put("x-ratelimit-limit-" + resource, Integer.toString(bucket.perMinute()));
            headers.put("x-ratelimit-remaining-" + resource, Long.toString(bucket.remaining()));
            headers.put("x-ratelimit-reset-" + resource, text(bucket.untilFull()));
        }
    }

    /** As OpenAI writes it: {@code 6m0s}, {@code 1.5s}, {@code 20ms}. */
    private static String text(Duration time) {
        long millis = Math.ceilDiv(time.toNanos(), 1_000_000L);
        if (millis < 1_000) {
            return millis + "ms";
        }
        long minutes = millis / 60_000;
        long rest = millis % 60_000;
        String seconds = rest % 1_000 == 0
                ? Long.toString(rest / 1_000)
                : (rest / 1_000) + "." + String.format("%03d", rest % 1_000).replaceAll("0+$", "");
        return (minutes == 0 ? "" : minutes + "m") + seconds + "s";
    }

    /** Tokens set aside for one request. */
    public static final class Reservation {

        private final TokenBucket bucket;
        private final long reserved;
        private final AtomicBoolean settled = new AtomicBoolean();

        private Reservation(TokenBucket bucket, long reserved) {
            this.bucket = bucket;
            this.reserved = reserved;
        }

        /** Says what was used; only the first call counts. */
        public void settle(long used) {
            if (bucket != null && settled.compareAndSet(false, true)) {
                bucket.giveBack(reserved - used);
            }
        }
    }
}

package dev.millrace.server.openai.wire;

import java.time.Duration;

/**
 * How much one server, one connection and one request may take.
 *
 * @param connections      open at once; beyond it new ones wait to be accepted
 * @param requests         handled at once; beyond it the answer is 503
 * @param headerBytes      of a request's line and headers together; beyond it the answer is 431
 * @param bodyBytes        of a request's body; beyond it the answer is 413
 * @param bodyTime         for headers, and then for a body, to arrive in full; beyond it the
 *                         connection closes, or the answer is 408
 * @param jsonDepth        of nested arrays and objects
 * @param jsonValues       JSON tokens in a body, which bounds what its tree takes in memory
 * @param choices          generations that one request starts: prompts times {@code n}
 * @param completionTokens most tokens that several generations of one request may sample together
 * @param idle             without a byte in either direction before a connection closes
 * @param keepAlive        silence in an event stream before a comment is sent
 * @param watch            how often to look whether a waiting client is still there
 */
public record HttpLimits(int connections, int requests, int headerBytes, int bodyBytes,
        Duration bodyTime, int jsonDepth, int jsonValues, int choices,
        int completionTokens, Duration idle, Duration keepAlive, Duration watch) {

    public static final HttpLimits DEFAULT = new HttpLimits(2048, 1024, 16 << 10, 4 << 20,
            Duration.ofSeconds(30), 100, 1 << 18, 128, 1 << 20,
            Duration.ofSeconds(60), Duration.ofSeconds(10), Duration.ofMillis(250));

    public HttpLimits {
        requirePositive("connections", connections);
        requirePositive("requests", requests);
        requirePositive("headerBytes", headerBytes);
        requirePositive("bodyBytes", bodyBytes);
        requirePositive("bodyTime", bodyTime.toMillis());
        requirePositive("jsonDepth", jsonDepth);
        requirePositive("jsonValues", jsonValues);
        requirePositive("choices", choices);
        requirePositive("completionTokens", completionTokens);
        requirePositive("idle", idle.toMillis());
        requirePositive("keepAlive", keepAlive.toMillis());
        requirePositive("watch", watch.toMillis());
    }

    private static void requirePositive(String name, long value) {
        if (value < 1) {
            throw new IllegalArgumentException("the limit " + name + " must be positive, got "
                    + value);
        }
    }
}

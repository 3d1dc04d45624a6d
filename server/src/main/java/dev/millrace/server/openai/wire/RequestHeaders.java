package dev.millrace.server.openai.wire;

/**
 * What the headers of a request say about it, whatever its dialect; null where one is missing.
 *
 * @param session the session that it belongs to, where its body names none
 * @param timeout its time limit in seconds, as text
 * @param traceparent the trace that it belongs to, as W3C's Trace Context has it
 */
public record RequestHeaders(String session, String timeout, String traceparent) {

    public static final String SESSION = "X-Session-Id";
    public static final String TIMEOUT = "X-Request-Timeout";
    public static final String TRACE = "traceparent";

    /** A request whose headers say nothing. */
    public static final RequestHeaders NONE = new RequestHeaders(null, null, null);
}

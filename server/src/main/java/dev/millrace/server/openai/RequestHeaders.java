package dev.millrace.server.openai;

/**
 * What the headers of a request say about it, whatever its dialect; null where one is missing.
 *
 * @param session the session that it belongs to, where its body names none
 * @param timeout its time limit in seconds, as text
 */
public record RequestHeaders(String session, String timeout) {

    public static final String SESSION = "X-Session-Id";
    public static final String TIMEOUT = "X-Request-Timeout";

    /** A request whose headers say nothing. */
    public static final RequestHeaders NONE = new RequestHeaders(null, null);
}

package dev.millrace.server.openai;

import dev.millrace.server.tenants.Identity;

/**
 * Who asks.
 *
 * @param identity   whom to bill, and what they may use
 * @param connection on which the answer is awaited
 * @param session    the session that the request's header names, or null
 */
public record Caller(Identity identity, ClientConnection connection, String session) {

    /** Names the session of a request whose body names none. */
    public static final String SESSION_HEADER = "X-Session-Id";

    /** A caller that names no session. */
    public Caller(Identity identity, ClientConnection connection) {
        this(identity, connection, null);
    }
}

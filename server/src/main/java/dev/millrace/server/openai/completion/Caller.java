package dev.millrace.server.openai.completion;

import dev.millrace.server.openai.wire.ClientConnection;
import dev.millrace.server.openai.wire.RequestHeaders;
import dev.millrace.server.tenants.Identity;

/**
 * Who asks.
 *
 * @param identity   whom to bill, and what they may use
 * @param connection on which the answer is awaited
 * @param headers    what else the request says of itself
 * @param ids        what the request is called
 */
public record Caller(Identity identity, ClientConnection connection, RequestHeaders headers,
        AnswerIds ids) {

    /** A caller whose request may be called anything. */
    public Caller(Identity identity, ClientConnection connection, RequestHeaders headers) {
        this(identity, connection, headers, AnswerIds.RANDOM);
    }

    /** A caller whose headers say nothing. */
    public Caller(Identity identity, ClientConnection connection) {
        this(identity, connection, RequestHeaders.NONE);
    }
}

package dev.millrace.server.responses;

import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/**
 * A request for a response, put into the words of chat completions.
 *
 * @param chat       a body of {@code /v1/chat/completions}
 * @param response   the response before it begins, with what of the request it shows
 * @param input      its own items, as {@link InputItems} reads them
 * @param summarises whether thoughts are shown as a summary
 * @param stores     whether it is to be kept
 * @param streams    whether the client wants its events
 */
record ResponseRequest(ObjectNode chat, ObjectNode response, List<ObjectNode> input,
        boolean summarises, boolean stores, boolean streams) {

    /** Whether it goes on without its client. */
    boolean background() {
        return response.get("background").booleanValue();
    }

    /** Whether the oldest of the conversation may be left out, so that the rest fits. */
    boolean truncates() {
        return response.get("truncation").stringValue().equals("auto");
    }

    /** Tokens of the answer, at most; 0 where the request does not say. */
    int maxOutputTokens() {
        return response.get("max_output_tokens").intValue(0);
    }
}

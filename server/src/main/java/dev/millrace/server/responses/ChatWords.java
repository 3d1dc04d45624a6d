package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.ApiException;

/** Puts complaints about a chat into the words of the request that it was made of. */
final class ChatWords {

    /** Of chat completions and of responses; the longer ones come first. */
    private static final String[][] WORDS = {{"max_completion_tokens", "max_output_tokens"},
        {"response_format.json_schema", "text.format"}, {"response_format", "text.format"},
        {"reasoning_effort", "reasoning.effort"}, {".function.", "."}, {".function", ""},
        {"messages", "input"}};

    private ChatWords() {}

    /** The same complaint, about the field that the client sent. */
    static ApiException reworded(ApiException complaint) {
        return complaint.param() == null || complaint.retryAfter().isPresent()
                ? complaint
                : ApiException.refused(complaint.status(), reworded(complaint.param()),
                        complaint.code(), complaint.getMessage().replace(complaint.param(),
                                reworded(complaint.param())));
    }

    private static String reworded(String param) {
        String words = param;
        for (String[] pair : WORDS) {
            words = words.replace(pair[0], pair[1]);
        }
        return words;
    }
}

package dev.millrace.server.openai.request;

import dev.millrace.server.metering.RequestLabels;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.RequestHeaders;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * Reads what a client says about its request for the reports: OpenAI's {@code metadata} as tags,
 * and a session, by the first of the fields {@code session_id} (the header counts as that),
 * {@code prompt_cache_key} and {@code user}.
 */
public final class LabelsReader {

    /** OpenAI's bounds of {@code metadata}. */
    private static final int TAGS = 16;
    private static final int NAME_CHARS = 64;
    private static final int VALUE_CHARS = 512;

    private static final List<String> OTHER_SESSIONS = List.of("prompt_cache_key", "user");

    private LabelsReader() {}

    /** @throws ApiException 400 that names the field */
    public static RequestLabels read(Fields body, Caller caller) {
        String session = session(body, caller);
        Fields metadata = body.object("metadata");
        if (session == null && metadata == null) {
            return RequestLabels.NONE;
        }
        return new RequestLabels(session, metadata == null ? Map.of() : tags(metadata));
    }

    private static Map<String, String> tags(Fields metadata) {
        if (metadata.all().size() > TAGS) {
            throw ApiException.invalid("metadata", "metadata may have at most " + TAGS
                    + " pairs, got " + metadata.all().size());
        }
        Map<String, String> tags = new TreeMap<>();
        for (Map.Entry<String, JsonNode> pair : metadata.all()) {
            String name = pair.getKey();
            String path = "metadata." + Fields.shown(name);
            if (name.isEmpty() || name.length() > NAME_CHARS) {
                throw ApiException.invalid("metadata", "names in metadata must have 1 to "
                        + NAME_CHARS + " characters, got " + name.length());
            }
            tags.put(name, bounded(Fields.text(pair.getValue(), path), path));
        }
        return tags;
    }

    private static String session(Fields body, Caller caller) {
        if (body.has("session_id")) {
            return named(bounded(body.text("session_id"), "session_id"));
        }
        if (caller.headers().session() != null
                && !caller.headers().session().isBlank()) {
            return bounded(caller.headers().session().strip(),
                    "the header " + RequestHeaders.SESSION);
        }
        for (String field : OTHER_SESSIONS) {
            if (body.has(field)) {
                return named(bounded(body.text(field), field));
            }
        }
        return null;
    }

    private static String named(String session) {
        return session.isEmpty() ? null : session;
    }

    private static String bounded(String text, String path) {
        if (text.length() > VALUE_CHARS) {
            throw ApiException.invalid(path, path + " may have at most " + VALUE_CHARS
                    + " characters, got " + text.length());
        }
        return text;
    }
}

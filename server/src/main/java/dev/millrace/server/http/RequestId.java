package dev.millrace.server.http;

import io.javalin.http.Context;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * The id under which a request appears in the log and in {@code x-request-id}: the client's own if
 * it sent a harmless one. Ledgers and engines never see it, since clients may repeat theirs.
 */
final class RequestId {

    private static final String HEADER = "x-request-id";
    /** Where Anthropic's clients look for it. */
    private static final String ANTHROPIC_HEADER = "request-id";
    private static final String ATTRIBUTE = RequestId.class.getName();
    private static final Pattern HARMLESS = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    private RequestId() {}

    static void assign(Context context) {
        String sent = context.header(HEADER);
        String id = sent != null && HARMLESS.matcher(sent).matches()
                ? sent
                : "req_" + UUID.randomUUID().toString().replace("-", "");
        context.attribute(ATTRIBUTE, id);
        context.header(HEADER, id);
        context.header(ANTHROPIC_HEADER, id);
    }

    static String of(Context context) {
        String id = context.attribute(ATTRIBUTE);
        return id == null ? "unknown" : id;
    }
}

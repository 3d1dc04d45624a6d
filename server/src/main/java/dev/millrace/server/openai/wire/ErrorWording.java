package dev.millrace.server.openai.wire;

/** How a dialect words errors; OpenAI's way is {@link ApiException#body}. */
public interface ErrorWording {

    /** Whether an error on this path is worded like this. */
    boolean covers(String path);

    /** The HTTP status. */
    int status(ApiException error);

    /** The body, JSON in UTF-8. @param requestId under which the log knows the request */
    byte[] body(ApiException error, String requestId);
}

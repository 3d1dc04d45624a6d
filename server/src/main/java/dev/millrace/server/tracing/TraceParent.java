package dev.millrace.server.tracing;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The trace that a request belongs to, as the header {@code traceparent} of W3C's Trace Context
 * (https://www.w3.org/TR/trace-context/) names it.
 *
 * @param traceId  16 bytes in hexadecimal
 * @param parentId the caller's span, 8 bytes in hexadecimal; empty where the trace begins here
 * @param sampled  whether the caller keeps the trace
 */
record TraceParent(String traceId, String parentId, boolean sampled) {

    /** Later versions may add fields at the end. */
    private static final Pattern HEADER = Pattern
            .compile("(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})"
                    + "-([0-9a-f]{2})(-.*)?");
    private static final int TRACE_BYTES = 16;
    private static final int SPAN_BYTES = 8;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** As a header says; what is no such header begins a trace, as the standard wants it. */
    static TraceParent of(String header) {
        Matcher matcher = HEADER.matcher(header == null ? "" : header.strip());
        return matcher.matches()
                ? new TraceParent(matcher.group(1), matcher.group(2),
                        (Integer.parseInt(matcher.group(3), 16) & 1) == 1)
                : new TraceParent(random(TRACE_BYTES), "", true);
    }

    /** An id for a span. */
    static String newSpanId() {
        return random(SPAN_BYTES);
    }

    private static String random(int count) {
        byte[] bytes = new byte[count];
        RANDOM.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}

package dev.millrace.server.openai.wire;

import jakarta.servlet.http.HttpServletRequest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Reads a request's body as one JSON object, within limits of size, time and shape. */
public final class RequestBody {

    private static final int CHUNK_BYTES = 8 << 10;

    private final HttpLimits limits;
    private final boolean anyType;
    private final JsonMapper reader;

    /** Takes only what is called JSON. */
    public RequestBody(HttpLimits limits) {
        this(limits, false);
    }

    /** @param anyType whether bodies are read as JSON whatever their Content-Type says */
    public RequestBody(HttpLimits limits, boolean anyType) {
        this.limits = limits;
        this.anyType = anyType;
        this.reader = Json.reader(limits);
    }

    /**
     * Reads the object.
     *
     * @throws ApiException 400 for what is not a JSON object in UTF-8, 408 for a body that takes
     *                      too long, 413 for one too large, 415 for another type or encoding
     */
    public Fields read(HttpServletRequest request) throws IOException {
        if (!anyType) {
            requireJson(request);
        }
        refuseCompressed(request);
        if (request.getContentLengthLong() > limits.bodyBytes()) {
            throw tooLarge();
        }
        return new Fields(parse(decode(bytes(request.getInputStream()))));
    }

    /**
     * A browser sends some other content types to any address without asking; insisting on this
     * one keeps foreign pages from spending a local server's time, besides the check of origins.
     */
    private static void requireJson(HttpServletRequest request) {
        String contentType = request.getContentType();
        String type = contentType == null ? "none" : contentType.strip();
        String media = type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        String parameters = type.substring(type.indexOf(';') + 1).toLowerCase(Locale.ROOT);
        boolean otherCharset = parameters.contains("charset=")
                && !parameters.contains("utf-8") && !parameters.contains("us-ascii");
        if (!media.equals("application/json") || otherCharset) {
            throw ApiException.refused(415, null, "unsupported_media_type",
                    "the Content-Type must be application/json in UTF-8, got " + type);
        }
    }

    private static void refuseCompressed(HttpServletRequest request) {
        String encoding = request.getHeader("Content-Encoding");
        if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
            throw ApiException.refused(415, null, "unsupported_encoding",
                    "compressed bodies are not accepted (Content-Encoding: " + encoding
                            + "); send the JSON as it is");
        }
    }

    private byte[] bytes(InputStream input) throws IOException {
        long start = System.nanoTime();
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        byte[] chunk = new byte[CHUNK_BYTES];
        for (int read = input.read(chunk); read >= 0; read = input.read(chunk)) {
            if (body.size() + read > limits.bodyBytes()) {
                throw tooLarge();
            }
            if (System.nanoTime() - start > limits.bodyTime().toNanos()) {
                throw ApiException.refused(408, null, "request_timeout",
                        "the body did not arrive within " + limits.bodyTime().toSeconds()
                                + " seconds");
            }
            body.write(chunk, 0, read);
        }
        return body.toByteArray();
    }

    private ApiException tooLarge() {
        return ApiException.refused(413, null, "request_too_large",
                "the body is larger than this server's limit of " + limits.bodyBytes() + " bytes");
    }

    private static String decode(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw invalid("the body is not valid UTF-8");
        }
    }

    private ObjectNode parse(String text) {
        if (text.isBlank()) {
            throw invalid("the body is empty; it must be a JSON object");
        }
        try {
            JsonNode node = reader.readTree(text);
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw invalid("the body must be a JSON object, got " + Fields.kind(node));
        } catch (StreamConstraintsException e) {
            throw invalid("the body's JSON is beyond a limit of this server: "
                    + limits.jsonDepth() + " levels deep, " + limits.jsonValues()
                    + " values, numbers of " + Json.NUMBER_CHARS + " digits, names of "
                    + Json.NAME_CHARS + " characters");
        } catch (JacksonException e) {
            throw invalid("the body is not valid JSON: " + reason(e));
        }
    }

    /** What is wrong and where; the parser's further words speak of its own classes. */
    private static String reason(JacksonException e) {
        String message = e.getOriginalMessage().split("[(:\n]", 2)[0].strip();
        return e.getLocation() == null
                ? message
                : message + " (line " + e.getLocation().getLineNr() + ", column "
                        + e.getLocation().getColumnNr() + ")";
    }

    private static ApiException invalid(String message) {
        return ApiException.refused(400, null, "invalid_json", message);
    }
}

package dev.millrace.server.files;

import dev.millrace.server.openai.wire.ApiException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Reads a {@code multipart/form-data} body (RFC 7578, RFC 2046) part by part, as it comes: never
 * more than a buffer of it is in memory.
 */
final class MultipartReader {

    private static final int BUFFER_BYTES = 64 << 10;
    private static final int BOUNDARY_CHARS = 70;
    private static final int HEADER_BYTES = 8 << 10;
    private static final int MOST_PARTS = 16;

    private final InputStream input;
    private final byte[] delimiter;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int start;
    private int end;
    private int parts;

    /**
     * @param boundary of the body's Content-Type
     * @throws ApiException 400 if it is none
     */
    MultipartReader(InputStream input, String boundary) throws IOException {
        if (boundary.isEmpty() || boundary.length() > BOUNDARY_CHARS) {
            throw broken("the boundary in its Content-Type must have 1 to " + BOUNDARY_CHARS
                    + " characters");
        }
        this.input = input;
        this.delimiter = ("\r\n--" + boundary).getBytes(StandardCharsets.ISO_8859_1);
        // The first delimiter has no line end before it that belongs to it.
        buffer[0] = '\r';
        buffer[1] = '\n';
        this.end = 2;
        copy((bytes, offset, length) -> {}); // what comes before the first part means nothing
    }

    /**
     * Goes to the next part.
     *
     * @return its headers, by their names in lower case; null if there is none
     */
    Map<String, String> next() throws IOException {
        String rest = line();
        if (rest.startsWith("--")) {
            return null;
        }
        if (!rest.isBlank() || ++parts > MOST_PARTS) {
            throw broken(rest.isBlank()
                    ? "it has more than " + MOST_PARTS + " parts"
                    : "something stands behind a boundary");
        }
        Map<String, String> headers = new HashMap<>();
        int bytes = 0;
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            bytes += line.length();
            if (colon < 1 || bytes > HEADER_BYTES) {
                throw broken("the headers of part " + parts + " are none");
            }
            headers.put(line.substring(0, colon).strip().toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        return headers;
    }

    /** Gives the part's content to a sink. */
    void copy(PartSink sink) throws IOException {
        while (true) {
            fill(delimiter.length);
            int found = find();
            int safe = found >= 0 ? found : Math.max(start, end - delimiter.length + 1);
            if (safe > start) {
                sink.write(buffer, start, safe - start);
                start = safe;
            }
            if (found >= 0) {
                start += delimiter.length;
                return;
            }
            if (end - start < delimiter.length && !more()) {
                throw broken("it ends in the middle");
            }
        }
    }

    /** The part's content as text. @throws ApiException 400 if it is longer than {@code most} */
    String text(String name, int most) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        copy((chunk, offset, length) -> {
            if (bytes.size() + length > most) {
                throw ApiException.invalid(name, name + " may have at most " + most + " bytes");
            }
            bytes.write(chunk, offset, length);
        });
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private int find() {
        for (int i = start; i <= end - delimiter.length; i++) {
            if (buffer[i] == '\r' && startsWithDelimiter(i)) {
                return i;
            }
        }
        return -1;
    }

    private boolean startsWithDelimiter(int at) {
        if (at + delimiter.length > end) {
            return false;
        }
        for (int i = 0; i < delimiter.length; i++) {
            if (buffer[at + i] != delimiter[i]) {
                return false;
            }
        }
        return true;
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        while (true) {
            if (start == end && !more()) {
                throw broken("it ends in the middle");
            }
            byte one = buffer[start++];
            if (one == '\n') {
                String text = line.toString(StandardCharsets.UTF_8);
                return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
            }
            if (line.size() >= HEADER_BYTES) {
                throw broken("a line of its headers is longer than " + HEADER_BYTES + " bytes");
            }
            line.write(one);
        }
    }

    /** Tries to have so many bytes in the buffer. */
    private void fill(int wanted) throws IOException {
        while (end - start < wanted && more()) {
            // More has come.
        }
    }

    private boolean more() throws IOException {
        if (end == buffer.length) {
            System.arraycopy(buffer, start, buffer, 0, end - start);
            end -= start;
            start = 0;
        }
        int read = input.read(buffer, end, buffer.length - end);
        end += Math.max(0, read);
        return read >= 0;
    }

    static ApiException broken(String why) {
        return ApiException.refused(400, null, "invalid_multipart",
                "the body is no multipart/form-data: " + why);
    }
}

package dev.millrace.server.files;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.store.FileLimitException;
import dev.millrace.server.store.FileStore;
import dev.millrace.server.store.IncomingFile;
import dev.millrace.server.store.StoredFile;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Takes a file off a request, straight to the disk, in whatever order its fields come. */
final class FileUpload {

    static final String BATCH = "batch";
    private static final String USER_DATA = "user_data";
    /** OpenAI keeps these for so long where nothing else was asked for. */
    private static final Duration BATCH_LIFETIME = Duration.ofDays(30);

    private static final Set<String> FIELDS = Set.of("purpose", "expires_after[anchor]",
            "expires_after[seconds]");
    private static final List<String> OTHER_PURPOSES = List.of("assistants", "fine-tune",
            "vision", "evals");
    private static final int FIELD_BYTES = 256;
    private static final int NAME_CHARS = 255;
    private static final String MEDIA = "multipart/form-data";

    private final FileStore files;
    private final Duration grace;

    /** @param grace for a body to get going */
    FileUpload(FileStore files, Duration grace) {
        this.files = files;
        this.grace = grace;
    }

    /** A file that is too large for here, within a stream's callback. */
    private static final class Beyond extends IOException {

        private static final long serialVersionUID = 1L;

        Beyond(FileLimitException cause) {
            super(cause);
        }
    }

    /**
     * Stores the file of a request.
     *
     * @throws ApiException 400 that names the field, 408, 413 or 415
     */
    StoredFile receive(HttpServletRequest request, String tenant)
            throws IOException, InterruptedException {
        InputStream body = new PacedInput(request.getInputStream(), grace);
        MultipartReader parts = new MultipartReader(body, boundary(request));
        Map<String, String> fields = new HashMap<>();
        String name = null;
        try (IncomingFile incoming = files.receive(tenant)) {
            for (Map<String, String> headers = parts.next(); headers != null; headers = parts
                    .next()) {
                String disposition = headers.get("content-disposition");
                String field = FormHeader.parameter(disposition, "name").orElseThrow(
                        () -> MultipartReader.broken("a part has no name"));
                if (field.equals("file")) {
                    if (name != null) {
                        throw ApiException.invalid("file", "file must be given once");
                    }
                    name = name(disposition);
                    parts.copy((buffer, offset, length) -> write(incoming, buffer, offset,
                            length));
                } else if (FIELDS.contains(field)) {
                    fields.put(field, parts.text(field, FIELD_BYTES));
                } else {
                    throw ApiException.unsupported(Fields.shown(field), Fields.shown(field)
                            + " is no field of a file; the fields are file, purpose and"
                            + " expires_after");
                }
            }
            if (name == null) {
                throw ApiException.missing("file");
            }
            String purpose = purpose(fields.get("purpose"));
            Optional<Duration> lifetime = ExpiresAfter.of(fields.get("expires_after[anchor]"),
                    fields.get("expires_after[seconds]"));
            return files.keep(incoming, name, purpose, purpose.equals(BATCH)
                    ? Optional.of(lifetime.orElse(BATCH_LIFETIME))
                    : lifetime);
        } catch (FileLimitException e) {
            throw tooLarge(e);
        } catch (Beyond e) {
            throw tooLarge((FileLimitException) e.getCause());
        }
    }

    private static void write(IncomingFile incoming, byte[] buffer, int offset, int length)
            throws IOException {
        try {
            incoming.write(buffer, offset, length);
        } catch (FileLimitException e) {
            throw new Beyond(e);
        }
    }

    private static ApiException tooLarge(FileLimitException e) {
        return e.ofTenant()
                ? ApiException.refused(400, "file", "storage_limit_exceeded", e.getMessage())
                : ApiException.refused(413, "file", "file_too_large", e.getMessage());
    }

    private static String boundary(HttpServletRequest request) {
        String type = request.getContentType() == null ? "none" : request.getContentType();
        if (!type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT).equals(MEDIA)) {
            throw ApiException.refused(415, null, "unsupported_media_type",
                    "a file is uploaded as " + MEDIA + ", got " + Fields.shown(type));
        }
        String encoding = request.getHeader("Content-Encoding");
        if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
            throw ApiException.refused(415, null, "unsupported_encoding",
                    "compressed bodies are not accepted (Content-Encoding: "
                            + Fields.shown(encoding) + "); send the file as it is");
        }
        return FormHeader.parameter(type, "boundary")
                .orElseThrow(() -> MultipartReader.broken("its Content-Type has no boundary"));
    }

    private static String name(String disposition) {
        String name = FormHeader.parameter(disposition, "filename").orElseThrow(
                () -> ApiException.invalid("file", "file must have a filename"));
        if (name.isBlank() || name.length() > NAME_CHARS
                || name.chars().anyMatch(Character::isISOControl)) {
            throw ApiException.invalid("file", "the filename must have 1 to " + NAME_CHARS
                    + " printable characters");
        }
        return name;
    }

    private static String purpose(String purpose) {
        if (purpose == null) {
            throw ApiException.missing("purpose");
        }
        if (OTHER_PURPOSES.contains(purpose)) {
            throw ApiException.unsupported("purpose", "files for " + purpose
                    + " have no use on this server; purpose must be " + BATCH + " or "
                    + USER_DATA);
        }
        if (!purpose.equals(BATCH) && !purpose.equals(USER_DATA)) {
            throw ApiException.invalid("purpose", "purpose must be " + BATCH + " or " + USER_DATA
                    + ", got \"" + Fields.shown(purpose) + "\"");
        }
        return purpose;
    }
}

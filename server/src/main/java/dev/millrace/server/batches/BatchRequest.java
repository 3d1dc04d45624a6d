package dev.millrace.server.batches;

import dev.millrace.server.files.ExpiresAfter;
import dev.millrace.server.files.FileRoutes;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.store.BatchStore;
import dev.millrace.server.store.StoredBatch;
import dev.millrace.server.store.StoredFile;
import dev.millrace.server.tenants.Identity;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Reads what batch a client wants. */
final class BatchRequest {

    private static final Duration WINDOW = Duration.ofHours(24);
    private static final String WINDOW_WORD = "24h";
    private static final String PURPOSE = "batch";
    private static final int MOST_PAIRS = 16;
    private static final int KEY_CHARS = 64;
    private static final int VALUE_CHARS = 512;

    private BatchRequest() {}

    /** @throws ApiException 400 or 404 that names the field */
    static StoredBatch read(Fields body, Identity identity, List<String> endpoints,
            BatchStore store) throws InterruptedException {
        String endpoint = body.text("endpoint");
        if (!endpoints.contains(endpoint)) {
            throw ApiException.invalid("endpoint", "endpoint must be one of "
                    + String.join(", ", endpoints) + ", got \"" + Fields.shown(endpoint) + "\"");
        }
        String window = body.text("completion_window");
        if (!window.equals(WINDOW_WORD)) {
            throw ApiException.invalid("completion_window", "completion_window must be "
                    + WINDOW_WORD + ", got \"" + Fields.shown(window) + "\"");
        }
        String metadata = metadata(body);
        long outputSeconds = ExpiresAfter.read(body, "output_expires_after")
                .map(Duration::toSeconds).orElse(0L);
        String fileId = body.text("input_file_id");
        StoredFile file = store.files().find(identity.tenant(), fileId)
                .orElseThrow(() -> FileRoutes.notFound(fileId, "input_file_id"));
        if (!file.purpose().equals(PURPOSE)) {
            throw ApiException.invalid("input_file_id", "the file of a batch must have been"
                    + " uploaded for the purpose " + PURPOSE + ", this one was for "
                    + file.purpose());
        }
        long now = store.nowMillis();
        return StoredBatch.begin("batch_" + UUID.randomUUID().toString().replace("-", ""),
                identity.tenant(), identity.keyId(), endpoint, fileId, outputSeconds, metadata,
                now, now + WINDOW.toMillis());
    }

    private static String metadata(Fields body) {
        Fields pairs = body.object("metadata");
        if (pairs == null) {
            return null;
        }
        if (pairs.all().size() > MOST_PAIRS) {
            throw ApiException.invalid("metadata", "metadata may have at most " + MOST_PAIRS
                    + " entries, got " + pairs.all().size());
        }
        ObjectNode kept = Json.object();
        for (Map.Entry<String, JsonNode> pair : pairs.all()) {
            String value = pairs.text(pair.getKey());
            if (pair.getKey().length() > KEY_CHARS || value.length() > VALUE_CHARS) {
                throw ApiException.invalid("metadata", "the keys of metadata may have at most "
                        + KEY_CHARS + " characters and the values " + VALUE_CHARS);
            }
            kept.put(pair.getKey(), value);
        }
        return Json.text(kept);
    }
}

package dev.millrace.server.store;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/**
 * A response that a client may ask for again.
 *
 * @param tenant     whose it is: nobody else sees it
 * @param keyId      what it was asked for with; null where no key was needed
 * @param previousId of the response that it continues; null for none
 * @param object     as JSON, with an empty output
 * @param items      its own, those that went in before those that came out
 */
public record StoredResponse(String id, String tenant, String keyId, String previousId,
        String object, List<StoredItem> items) {

    public StoredResponse {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(tenant, "tenant");
        items = List.copyOf(items);
    }

    /** What it takes of the tenant's space. */
    long bytes() {
        return bytes(object) + items.stream().mapToLong(item -> bytes(item.object())).sum();
    }

    private static long bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }
}

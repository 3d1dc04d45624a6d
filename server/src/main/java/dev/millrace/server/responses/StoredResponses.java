package dev.millrace.server.responses;

import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.store.History;
import dev.millrace.server.store.ResponseStore;
import dev.millrace.server.store.StoredItem;
import dev.millrace.server.store.StoredResponse;
import dev.millrace.server.tenants.Identity;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What earlier requests of a tenant left, in the words of the API. */
final class StoredResponses {

    private static final Logger LOG = LoggerFactory.getLogger(StoredResponses.class);
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final Set<String> UNDER_WAY = Set.of("queued", "in_progress");

    private final Optional<ResponseStore> store;

    /** @param store empty where nothing is kept */
    StoredResponses(Optional<ResponseStore> store) {
        this.store = store;
    }

    /** Whether this server keeps any. */
    boolean areKept() {
        return store.isPresent();
    }

    /** Keeps one that has ended. @return whether it could be */
    boolean keep(Identity owner, List<ObjectNode> input, ObjectNode response) {
        try {
            return keepOrFail(owner, input, response);
        } catch (LedgerException e) {
            LOG.error("{} is answered and not stored: {}", response.get("id").stringValue(),
                    e.getMessage());
            return false;
        }
    }

    /** Keeps one. @throws LedgerException if the store cannot be written */
    boolean keepOrFail(Identity owner, List<ObjectNode> input, ObjectNode response) {
        List<StoredItem> items = new ArrayList<>();
        input.forEach(item -> items.add(stored(item, false)));
        response.get("output").values().forEach(item -> items.add(stored(item, true)));
        ObjectNode bare = response.deepCopy();
        bare.putArray("output");
        try {
            return store.isPresent() && store.get().keep(new StoredResponse(
                    response.get("id").stringValue(), owner.tenant(), owner.keyId(),
                    response.get("previous_response_id").stringValue(null), Json.text(bare),
                    items));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static StoredItem stored(JsonNode item, boolean output) {
        return new StoredItem(item.get("id").stringValue(), output, Json.text(item));
    }

    /**
     * A tenant's response, whole; one that was never finished has failed.
     *
     * @throws ApiException 404 if there is none
     */
    ObjectNode response(String tenant, String id) throws InterruptedException {
        StoredResponse found = find(tenant, id);
        ObjectNode response = (ObjectNode) JSON.readTree(found.object());
        ArrayNode output = response.putArray("output");
        found.items().stream().filter(StoredItem::output).map(StoredResponses::item)
                .forEach(output::add);
        if (UNDER_WAY.contains(status(response))) {
            response.put("status", "failed");
            response.putObject("error").put("code", "server_error").put("message",
                    "the server ended before this response did; ask again");
        }
        return response;
    }

    private static String status(JsonNode response) {
        return response.get("status").stringValue();
    }

    /** What went into a tenant's response, in order. @throws ApiException 404 if there is none */
    List<ObjectNode> input(String tenant, String id) throws InterruptedException {
        return find(tenant, id).items().stream().filter(item -> !item.output())
                .map(StoredResponses::item).toList();
    }

    private StoredResponse find(String tenant, String id) throws InterruptedException {
        return (store.isPresent() ? store.get().find(tenant, id) : Optional.<StoredResponse>empty())
                .orElseThrow(() -> unknown(id, null));
    }

    /** Forgets a tenant's response. @throws ApiException 404 if there is none */
    void remove(String tenant, String id) throws InterruptedException {
        if (store.isEmpty() || !store.get().remove(tenant, id)) {
            throw unknown(id, null);
        }
    }

    /** All that a response continues. @throws ApiException 400 or 404 that says what is missing */
    List<ObjectNode> history(String tenant, String previousId) throws InterruptedException {
        String name = "previous_response_id";
        Optional<History> found = store.isPresent()
                ? store.get().history(tenant, previousId)
                : Optional.empty();
        History history = found.orElseThrow(() -> unknown(previousId, name));
        if (UNDER_WAY.contains(status(JSON.readTree(find(tenant, previousId).object())))) {
            throw ApiException.invalid(name, name + " names a response that has not ended: "
                    + Fields.shown(previousId));
        }
        if (history.missingId() != null) {
            throw ApiException.refused(404, name, "previous_response_not_found", "the response "
                    + previousId + " continues " + history.missingId() + ", which was deleted or"
                    + " has expired; send the whole conversation as input");
        }
        if (history.tooLong()) {
            throw ApiException.invalid(name, "the conversation that " + previousId
                    + " ends is longer than this server continues; send what matters of it as"
                    + " input");
        }
        return history.items().stream().map(StoredResponses::item).toList();
    }

    /** An item that a reference names. @throws ApiException 404 if there is none */
    ObjectNode item(String tenant, String id, String path) throws InterruptedException {
        Optional<StoredItem> found = store.isPresent()
                ? store.get().item(tenant, id)
                : Optional.empty();
        return item(found.orElseThrow(() -> ApiException.refused(404, path, "item_not_found",
                path + " names no item of a stored response: " + Fields.shown(id)
                        + "; send the item itself")));
    }

    private static ObjectNode item(StoredItem item) {
        return (ObjectNode) JSON.readTree(item.object());
    }

    private static ApiException unknown(String id, String param) {
        return ApiException.refused(404, param, param == null
                ? "response_not_found"
                : "previous_response_not_found",
                (param == null ? "there is" : param + " names")
                        + " no stored response " + Fields.shown(id)
                        + "; it was not stored, was deleted, has expired or is somebody else's");
    }
}

package dev.millrace.server.openai;

import dev.millrace.server.tenants.Identity;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The models that are served, by id; adapters come and go. */
public final class ModelDirectory {

    /** Replaced as a whole, so that readers need no lock. */
    private volatile Map<String, ServedModel> models = Map.of();

    ModelDirectory(List<ServedModel> served) {
        served.forEach(this::add);
    }

    /** @throws IllegalArgumentException if there is one of this id */
    synchronized void add(ServedModel model) {
        Map<String, ServedModel> more = new LinkedHashMap<>(models);
        if (more.put(model.id(), model) != null) {
            throw new IllegalArgumentException("two models are called " + model.id());
        }
        models = more;
    }

    synchronized void remove(ServedModel model) {
        Map<String, ServedModel> fewer = new LinkedHashMap<>(models);
        fewer.remove(model.id());
        models = fewer;
    }

    Optional<ServedModel> find(String id) {
        return Optional.ofNullable(models.get(id));
    }

    /** The model. @throws ApiException 404 that lists what is served */
    ServedModel require(String id) {
        return find(id).orElseThrow(() -> ApiException.refused(404, "model", "model_not_found",
                "the model \"" + Fields.shown(id) + "\" does not exist here; this server serves "
                        + names()));
    }

    /** Refuses a model that a key does not cover, in the words for one that does not exist. */
    static void requireAllowed(ServedModel model, Identity identity) {
        if (!identity.mayUse(model.id())) {
            throw ApiException.refused(404, "model", "model_not_found", "the model \""
                    + Fields.shown(model.id()) + "\" does not exist for this key; GET /v1/models"
                    + " lists what does");
        }
    }

    /** What is served, for messages. */
    String names() {
        return String.join(", ", models.keySet());
    }

    /** What a caller may ask for. */
    ObjectNode list(Identity identity) {
        ObjectNode list = Json.object().put("object", "list");
        ArrayNode data = list.putArray("data");
        models.values().stream().filter(model -> identity.mayUse(model.id()))
                .forEach(model -> data.add(describe(model)));
        return list;
    }

    /**
     * OpenAI's description of a model, vLLM's fields for the length of its context and for what an
     * adapter is of, llama.cpp's for whether it is loaded, and the terms of the model with what
     * they keep users from.
     */
    static ObjectNode describe(ServedModel model) {
        ObjectNode description = Json.object().put("id", model.id()).put("object", "model")
                .put("created", model.created().getEpochSecond()).put("owned_by", "millrace")
                .put("max_model_len", model.contextTokens()).put("license", model.licence().id());
        description.putObject("status")
                .put("value", model.engine().loaded() ? "loaded" : "unloaded");
        if (model.isAdapter()) {
            description.put("parent", model.baseId());
        }
        model.licence().restriction()
                .ifPresent(text -> description.put("license_restriction", text));
        return description;
    }
}

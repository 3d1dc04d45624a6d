package dev.millrace.server.openai;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The models that are served, by id. */
final class ModelDirectory {

    private final Map<String, ServedModel> models = new LinkedHashMap<>();

    ModelDirectory(List<ServedModel> served) {
        for (ServedModel model : served) {
            if (models.put(model.id(), model) != null) {
                throw new IllegalArgumentException("two models are called " + model.id());
            }
        }
    }

    /** The model. @throws ApiException 404 that lists what is served */
    ServedModel require(String id) {
        ServedModel model = models.get(id);
        if (model == null) {
            throw ApiException.refused(404, "model", "model_not_found",
                    "the model \"" + Fields.shown(id)
                            + "\" does not exist here; this server serves "
                            + String.join(", ", models.keySet()));
        }
        return model;
    }

    ObjectNode list() {
        ObjectNode list = Json.object().put("object", "list");
        ArrayNode data = list.putArray("data");
        models.values().forEach(model -> data.add(describe(model)));
        return list;
    }

    /**
     * OpenAI's description of a model, vLLM's field for the length of its context, and the terms of
     * the model with what they keep users from.
     */
    static ObjectNode describe(ServedModel model) {
        ObjectNode description = Json.object().put("id", model.id()).put("object", "model")
                .put("created", model.created().getEpochSecond()).put("owned_by", "millrace")
                .put("max_model_len", model.contextTokens()).put("license", model.licence().id());
        model.licence().restriction()
                .ifPresent(text -> description.put("license_restriction", text));
        return description;
    }
}

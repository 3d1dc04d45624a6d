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

    /** OpenAI's description of a model, and vLLM's field for the length of its context. */
    static ObjectNode describe(ServedModel model) {
        return Json.object().put("id", model.id()).put("object", "model")
                .put("created", model.created().getEpochSecond()).put("owned_by", "millrace")
                .put("max_model_len", model.contextTokens());
    }
}

package dev.millrace.server.openai.model;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.tenants.Identity;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The models that are served, by id; adapters come and go. */
public final class ModelDirectory {

    /** Replaced as a whole, so that readers need no lock. */
    private volatile Map<String, ListedModel> models = Map.of();

    public ModelDirectory(List<? extends ListedModel> served) {
        served.forEach(this::add);
    }

    /** @throws IllegalArgumentException if there is one of this id */
    public synchronized void add(ListedModel model) {
        Map<String, ListedModel> more = new LinkedHashMap<>(models);
        if (more.put(model.id(), model) != null) {
            throw new IllegalArgumentException("two models are called " + model.id());
        }
        models = more;
    }

    public synchronized void remove(ServedModel model) {
        Map<String, ListedModel> fewer = new LinkedHashMap<>(models);
        fewer.remove(model.id());
        models = fewer;
    }

    /** A model that generates. */
    public Optional<ServedModel> find(String id) {
        return models.get(id) instanceof ServedModel model ? Optional.of(model) : Optional.empty();
    }

    /** A model that generates. @throws ApiException 404 that lists what is served, or 400 */
    public ServedModel require(String id) {
        return require(id, ServedModel.class, "makes no text");
    }

    /**
     * A model of a kind.
     *
     * @param otherwise what a model of another kind does instead
     * @throws ApiException 404 that lists what is served, or 400 if it is of another kind
     */
    public <T extends ListedModel> T require(String id, Class<T> kind, String otherwise) {
        return require(id, kind, model -> true, otherwise);
    }

    /** The same. @param good which models of the kind will do */
    public <T extends ListedModel> T require(String id, Class<T> kind, Predicate<T> good,
            String otherwise) {
        ListedModel model = requireAny(id);
        if (!kind.isInstance(model) || !good.test(kind.cast(model))) {
            throw ApiException.refused(400, "model", "wrong_kind_of_model", "the model \""
                    + Fields.shown(id) + "\" " + otherwise + "; this server serves "
                    + models.values().stream().filter(kind::isInstance).map(kind::cast)
                            .filter(good).map(ListedModel::id)
                            .collect(Collectors.collectingAndThen(Collectors.joining(", "),
                                    names -> names.isEmpty() ? "no other" : names)));
        }
        return kind.cast(model);
    }

    /** A model of any kind. @throws ApiException 404 that lists what is served */
    public ListedModel requireAny(String id) {
        return Optional.ofNullable(models.get(id))
                .orElseThrow(() -> ApiException.refused(404, "model", "model_not_found",
                        "the model \"" + Fields.shown(id)
                                + "\" does not exist here; this server serves "
                                + names()));
    }

    /** Refuses a model that a key does not cover, in the words for one that does not exist. */
    public static void requireAllowed(ListedModel model, Identity identity) {
        if (!identity.mayUse(model.id())) {
            throw ApiException.refused(404, "model", "model_not_found", "the model \""
                    + Fields.shown(model.id()) + "\" does not exist for this key; GET /v1/models"
                    + " lists what does");
        }
    }

    /** What a caller may ask for. */
    public List<ListedModel> allowed(Identity identity) {
        return models.values().stream().filter(model -> identity.mayUse(model.id())).toList();
    }

    /** What is served, for messages. */
    public String names() {
        return String.join(", ", models.keySet());
    }

    /** What a caller may ask for. */
    public ObjectNode list(Identity identity) {
        ObjectNode list = Json.object().put("object", "list");
        ArrayNode data = list.putArray("data");
        allowed(identity).forEach(model -> data.add(describe(model)));
        if (!data.isEmpty()) {
            list.put("first_id", data.get(0).get("id").stringValue()).put("last_id",
                    data.get(data.size() - 1).get("id").stringValue());
        }
        return list.put("has_more", false);
    }

    /**
     * OpenAI's description of a model, vLLM's fields for the length of its context and for what an
     * adapter is of, llama.cpp's for whether it is loaded, Anthropic's, and the terms of the model
     * with what they keep users from.
     */
    public static ObjectNode describe(ListedModel model) {
        ObjectNode description = Json.object().put("id", model.id()).put("object", "model")
                .put("created", model.created().getEpochSecond()).put("owned_by", "millrace")
                .put("type", "model").put("display_name", model.id())
                .put("created_at", model.created().toString())
                .put("max_model_len", model.contextTokens()).put("license", model.licence().id());
        description.putObject("status")
                .put("value", model.loaded() ? "loaded" : "unloaded");
        model.parent().ifPresent(parent -> description.put("parent", parent));
        model.unproven().ifPresent(text -> description.put("unproven", text));
        model.licence().restriction()
                .ifPresent(text -> description.put("license_restriction", text));
        return description;
    }
}

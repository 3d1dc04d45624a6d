package dev.millrace.server.ollama;

import dev.millrace.server.embeddings.EmbeddingModel;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.model.ListedModel;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Json;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What Ollama tells of models, as far as it is known here. */
final class OllamaModels {

    /** Ollama's clients add it where a name has no tag; here it says nothing. */
    private static final String LATEST = ":latest";
    /** Ollama's way to say that a model stays loaded. */
    private static final Instant NEVER = Instant.parse("2318-01-01T00:00:00Z");

    private final ModelDirectory models;

    OllamaModels(ModelDirectory models) {
        this.models = models;
    }

    /** The model. @throws ApiException 404 if the caller has none of this name */
    ListedModel require(String name, Caller caller) {
        String id = name.endsWith(LATEST)
                ? name.substring(0, name.length() - LATEST.length())
                : name;
        ListedModel model = models.requireAny(id);
        ModelDirectory.requireAllowed(model, caller.identity());
        return model;
    }

    /** The same, of those that generate. @throws ApiException 400 for others */
    ServedModel requireGenerating(ListedModel model) {
        return models.require(model.id());
    }

    ObjectNode tags(Caller caller) {
        ObjectNode answer = Json.object();
        ArrayNode array = answer.putArray("models");
        models.allowed(caller.identity()).forEach(model -> describe(array.addObject(), model));
        return answer;
    }

    ObjectNode running(Caller caller) {
        ObjectNode answer = Json.object();
        ArrayNode array = answer.putArray("models");
        models.allowed(caller.identity()).stream().filter(ListedModel::loaded)
                .forEach(model -> describe(array.addObject(), model)
                        .put("expires_at", NEVER.toString()).put("size_vram", 0)
                        .put("context_length", model.contextTokens()));
        return answer;
    }

    private static ObjectNode describe(ObjectNode description, ListedModel model) {
        description.put("name", model.id()).put("model", model.id())
                .put("modified_at", model.created().toString()).put("size", 0)
                .put("digest", digest(model));
        details(description.putObject("details"), model);
        return description;
    }

    private static void details(ObjectNode details, ListedModel model) {
        String family = family(model);
        details.put("parent_model", model.parent().orElse("")).put("format", "gguf")
                .put("family", family).putArray("families").add(family);
        details.put("parameter_size", "").put("quantization_level", "");
    }

    private static String family(ListedModel model) {
        return switch (model) {
            case ServedModel served -> served.spec().architecture();
            case EmbeddingModel encoder -> encoder.architecture();
            default -> "";
        };
    }

    /** Of what tells one served model from another, since its files may be many gigabytes. */
    private static String digest(ListedModel model) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(
                    (model.id() + "\n" + model.created()).getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    ObjectNode show(ListedModel model) {
        ObjectNode answer = Json.object().put("modelfile", "FROM " + model.id())
                .put("parameters", "").put("license", model.licence().toString())
                .put("template", "").put("modified_at", model.created().toString());
        details(answer.putObject("details"), model);
        String family = family(model);
        ObjectNode info = answer.putObject("model_info").put("general.architecture", family)
                .put(family + ".context_length", model.contextTokens());
        ArrayNode capabilities = answer.putArray("capabilities");
        if (model instanceof ServedModel served) {
            served.chatTemplate().ifPresent(template -> answer.put("template",
                    template.source()));
            info.put(family + ".embedding_length", served.spec().embeddingSize())
                    .put(family + ".block_count", served.spec().layerSpecs().size());
            capabilities.add("completion");
            served.toolFormat().ifPresent(_ -> capabilities.add("tools"));
        } else if (model instanceof EmbeddingModel encoder && !encoder.scores()) {
            capabilities.add("embedding");
        }
        return answer;
    }
}

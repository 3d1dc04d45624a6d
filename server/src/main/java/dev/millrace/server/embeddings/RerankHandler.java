package dev.millrace.server.embeddings;

import dev.millrace.models.text.EncoderInput;
import dev.millrace.models.text.PairTemplate;
import dev.millrace.server.embeddings.Embeddings.Embedded;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.request.LabelsReader;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code /v1/rerank}, in the words of Jina, Cohere, vLLM and llama.cpp: documents in the order of
 * a cross-encoder's scores, or of the cosine between their vectors and the query's.
 */
final class RerankHandler {

    static final String ENDPOINT = "/v1/rerank";

    private final Embeddings embeddings;

    RerankHandler(Embeddings embeddings) {
        this.embeddings = embeddings;
    }

    ObjectNode answer(Fields body, Caller caller) throws IOException, InterruptedException {
        VectorModel model = embeddings.requireAny(body.text("model"), caller);
        for (String name : List.of("truncate_prompt_tokens", "max_tokens_per_doc",
                "max_chunks_per_doc", "rank_fields")) {
            if (body.has(name)) {
                throw ApiException.unsupported(name, name
                        + " is not supported by this server; leave it out");
            }
        }
        List<JsonNode> documents = Fields.array(body.require("documents"), "documents",
                EmbeddingInput.TEXTS - 1);
        if (documents.isEmpty()) {
            throw ApiException.invalid("documents", "documents must have at least one document");
        }
        int top = (int) body.integer("top_n", 1, Integer.MAX_VALUE, documents.size());
        boolean returned = body.flag("return_documents", true);
        boolean raw = body.flag("raw_scores", false);
        List<String> texts = texts(documents);
        List<EncoderInput> inputs = model instanceof EmbeddingModel encoder && encoder.scores()
                ? pairs(encoder, Fields.text(body.require("query"), "query"), texts)
                : apart(model, body.require("query"), documents);
        Embedded embedded = embeddings.embed(model, inputs, "documents", ENDPOINT, "rerank-",
                LabelsReader.read(body, caller), caller);
        ObjectNode answer = Json.object().put("id", embedded.id()).put("object", "list")
                .put("model", model.id());
        ArrayNode results = answer.putArray("results");
        double[] scores = model.scores()
                ? Arrays.stream(embedded.vectors()).mapToDouble(
                        score -> raw ? score[0] : sigmoid(score[0])).toArray()
                : cosines(embedded.vectors());
        IntStream.range(0, scores.length).boxed()
                .sorted(Comparator.comparingDouble(i -> -scores[i])).limit(top).forEach(i -> {
                    ObjectNode result = results.addObject().put("index", i)
                            .put("relevance_score", scores[i]);
                    if (returned) {
                        result.putObject("document").put("text", texts.get(i));
                    }
                });
        answer.set("usage", embedded.usage());
        return answer;
    }

    /** A document, or a query, that a model of vectors reads by itself. */
    private static List<EncoderInput> apart(VectorModel model, JsonNode query,
            List<JsonNode> documents) {
        List<EncoderInput> inputs = new ArrayList<>();
        inputs.add(EncoderInput.of(EmbeddingInput.text(query, "query", model)));
        for (int i = 0; i < documents.size(); i++) {
            inputs.add(EncoderInput.of(EmbeddingInput.text(text(documents.get(i), i),
                    "documents[" + i + "]", model)));
        }
        return inputs;
    }

    private static List<EncoderInput> pairs(EmbeddingModel model, String query,
            List<String> documents) {
        if (query.isEmpty()) {
            throw ApiException.invalid("query", "query is empty; there is nothing to look for");
        }
        PairTemplate template = model.pairs().orElseThrow();
        int[] first = model.inner(query);
        List<EncoderInput> pairs = new ArrayList<>();
        for (int i = 0; i < documents.size(); i++) {
            EncoderInput pair = template.join(first, model.inner(documents.get(i)));
            if (pair.length() > model.contextTokens()) {
                String path = "documents[" + i + "]";
                throw ApiException.refused(400, path, "context_length_exceeded", path
                        + " has " + pair.length() + " tokens together with the query's "
                        + first.length + ", but " + model.id() + " takes pairs of at most "
                        + model.contextTokens() + "; cut it into pieces");
            }
            pairs.add(pair);
        }
        return pairs;
    }

    /** What training took for the probability that a document answers the query. */
    private static double sigmoid(double score) {
        return 1 / (1 + Math.exp(-score));
    }

    private static List<String> texts(List<JsonNode> documents) {
        return IntStream.range(0, documents.size())
                .mapToObj(i -> Fields.text(text(documents.get(i), i), "documents[" + i + "]"))
                .toList();
    }

    /** A document is a text, or an object that has one. */
    private static JsonNode text(JsonNode document, int index) {
        return document.isObject()
                ? Fields.of(document, "documents[" + index + "]").require("text")
                : document;
    }

    /** Cosines with the first vector; all have length one. */
    private static double[] cosines(float[][] vectors) {
        double[] scores = new double[vectors.length - 1];
        for (int i = 0; i < scores.length; i++) {
            for (int element = 0; element < vectors[0].length; element++) {
                scores[i] += (double) vectors[0][element] * vectors[i + 1][element];
            }
        }
        return scores;
    }
}

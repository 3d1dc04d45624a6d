package dev.millrace.server.tracing;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A generation as spans in OTLP's JSON: the request with OpenTelemetry's attributes for generative
 * AI (https://opentelemetry.io/docs/specs/semconv/gen-ai/), and in it the time in the queue, for
 * the prompt and for the answer.
 */
final class GenerationSpans {

    private static final JsonMapper JSON = new JsonMapper();
    private static final int INTERNAL = 1;
    private static final int SERVER = 2;
    private static final int ERROR = 2;

    private final TracedGeneration generation;
    private final TraceParent trace;
    private final String rootId = TraceParent.newSpanId();

    private GenerationSpans(TracedGeneration generation, TraceParent trace) {
        this.generation = generation;
        this.trace = trace;
    }

    /** The spans; none if the caller does not keep its trace. */
    static List<ObjectNode> of(TracedGeneration generation) {
        TraceParent trace = TraceParent.of(generation.traceparent());
        return trace.sampled() ? new GenerationSpans(generation, trace).all() : List.of();
    }

    private List<ObjectNode> all() {
        long total = generation.timings().totalNanos();
        long first = Math.min(total, generation.timings().firstTokenNanos());
        long queued = Math.min(first == 0 ? total : first, generation.timings().queueNanos());
        List<ObjectNode> spans = new ArrayList<>(List.of(root(total),
                span("queue", TraceParent.newSpanId(), rootId, INTERNAL, 0, queued)));
        if (first > 0) {
            spans.add(span("prefill", TraceParent.newSpanId(), rootId, INTERNAL, queued, first));
            spans.add(span("decode", TraceParent.newSpanId(), rootId, INTERNAL, first, total));
        }
        return spans;
    }

    private ObjectNode root(long total) {
        ObjectNode root = span(generation.operation() + " " + generation.model(), rootId,
                trace.parentId(), SERVER, 0, total);
        ArrayNode attributes = root.putArray("attributes");
        text(attributes, "gen_ai.operation.name", generation.operation());
        text(attributes, "gen_ai.provider.name", "millrace");
        text(attributes, "gen_ai.request.model", generation.model());
        text(attributes, "gen_ai.response.model", generation.model());
        text(attributes, "gen_ai.response.id", generation.id());
        number(attributes, "gen_ai.request.max_tokens", generation.maxTokens());
        attribute(attributes, "gen_ai.request.temperature").put("doubleValue",
                generation.temperature());
        attribute(attributes, "gen_ai.response.finish_reasons").putObject("arrayValue")
                .putArray("values").addObject().put("stringValue", generation.finishReason());
        number(attributes, "gen_ai.usage.input_tokens", generation.usage().promptTokens());
        number(attributes, "gen_ai.usage.cache_read.input_tokens",
                generation.usage().cachedTokens());
        number(attributes, "gen_ai.usage.output_tokens", generation.usage().completionTokens());
        if (generation.failed()) {
            text(attributes, "error.type", generation.finishReason());
            root.putObject("status").put("code", ERROR);
        }
        return root;
    }

    private ObjectNode span(String name, String id, String parent, int kind, long fromNanos,
            long untilNanos) {
        ObjectNode span = JSON.createObjectNode().put("traceId", trace.traceId())
                .put("spanId", id).put("name", name).put("kind", kind)
                .put("startTimeUnixNano", Long.toString(generation.startNanos() + fromNanos))
                .put("endTimeUnixNano", Long.toString(generation.startNanos() + untilNanos));
        return parent.isEmpty() ? span : span.put("parentSpanId", parent);
    }

    private static ObjectNode attribute(ArrayNode attributes, String key) {
        return attributes.addObject().put("key", key).putObject("value");
    }

    private static void text(ArrayNode attributes, String key, String value) {
        attribute(attributes, key).put("stringValue", value);
    }

    /** Whole numbers are texts in protobuf's JSON. */
    private static void number(ArrayNode attributes, String key, long value) {
        attribute(attributes, key).put("intValue", Long.toString(value));
    }
}

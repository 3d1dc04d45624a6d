package dev.millrace.server.embeddings;

import dev.millrace.engine.FinishedRequest;
import dev.millrace.server.metering.Receipt;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** What the server measures about embeddings; token counts under the names of other requests. */
final class EmbeddingMetrics {

    private static final double NANO = 1e-9;

    private final MeterRegistry registry;

    EmbeddingMetrics(MeterRegistry registry, List<EmbeddingModel> models) {
        this.registry = registry;
        for (EmbeddingModel model : models) {
            Gauge.builder("millrace_served_model", () -> 1).description("what runs where")
                    .tags("model_name", model.id(), "architecture", model.architecture(),
                            "backend", model.backend())
                    .register(registry);
            Gauge.builder("millrace_embedding_requests", model.engine(),
                    engine -> engine.liveRequests())
                    .description("embedding requests that wait or run")
                    .tag("model_name", model.id()).register(registry);
        }
    }

    void finished(VectorModel model, FinishedRequest end) {
        Counter.builder("vllm:prompt_tokens").description("prompt tokens of ended requests")
                .tags("model_name", name(model), "engine", "0").register(registry)
                .increment(end.usage().promptTokens());
        Counter.builder("vllm:request_success").description("ended requests by how they ended")
                .tags("model_name", name(model), "engine", "0", "finished_reason",
                        end.reason().name().toLowerCase(Locale.ROOT))
                .register(registry).increment();
        timer("millrace_embedding_queue_time", "from submission to the first step", model)
                .record(end.timings().queueNanos(), TimeUnit.NANOSECONDS);
        timer("millrace_embedding_latency", "from submission to the end", model)
                .record(end.timings().totalNanos(), TimeUnit.NANOSECONDS);
    }

    void paid(VectorModel model, Receipt receipt) {
        counter("millrace_embedding_cost_usd", "what ended embeddings cost, in US dollars", model)
                .increment(receipt.costNanoUsd() * NANO);
        counter("millrace_embedding_device_seconds", "device time of embeddings", model)
                .increment(receipt.prefillNanos() * NANO);
    }

    private Counter counter(String name, String description, VectorModel model) {
        return Counter.builder(name).description(description).tag("model_name", name(model))
                .register(registry);
    }

    private Timer timer(String name, String description, VectorModel model) {
        return Timer.builder(name).description(description).tag("model_name", name(model))
                .register(registry);
    }

    /** Adapters count as the model that they are of. */
    private static String name(VectorModel model) {
        return model.listed().parent().orElse(model.id());
    }
}

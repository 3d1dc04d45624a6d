package dev.millrace.server.openai.completion;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.server.Release;
import dev.millrace.server.metering.Receipt;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.tracing.TraceExporter;
import dev.millrace.server.tracing.TracedGeneration;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What the server measures about requests; those of adapters count as their model's. Where the
 * meaning is vLLM's, so are the name and the buckets, so that dashboards and load balancers made
 * for it work; the rest is {@code millrace_}.
 */
public final class RequestMetrics {

    private final MeterRegistry registry;
    private final Map<String, ModelMeters> models = new HashMap<>();
    private final Counter unpriced;
    private final Optional<TraceExporter> traces;

    /** @param traces told of every generation that ends, where there is a collector */
    public RequestMetrics(MeterRegistry registry, List<ServedModel> served,
            Optional<TraceExporter> traces) {
        this.registry = registry;
        this.traces = traces;
        this.unpriced = Counter.builder("millrace_unpriced_responses")
                .description("responses whose usage.cost is null for want of a receipt")
                .register(registry);
        Gauge.builder("millrace_build", () -> 1).description("which Millrace this is")
                .tag("version", Release.version()).register(registry);
        for (ServedModel model : served) {
            models.computeIfAbsent(model.baseId(), id -> new ModelMeters(model, registry));
        }
    }

    /** A request was answered; {@code endpoint} is the route's path, not the client's. */
    public void answered(String endpoint, String method, int status) {
        Counter.builder("millrace_http_requests")
                .description("HTTP requests by route and status")
                .tags("endpoint", endpoint, "method", method, "status", Integer.toString(status))
                .register(registry).increment();
    }

    /**
     * A generation has ended.
     *
     * @param index      which of the job's
     * @param startNanos when it was submitted, since 1970
     */
    void finished(CompletionJob job, int index, long startNanos, Finished end) {
        models.get(job.model().baseId()).finished(end);
        traces.ifPresent(exporter -> exporter.ended(new TracedGeneration(job.traceparent(),
                job.format() instanceof ChatFormat ? "chat" : "text_completion",
                job.model().id(), job.id(),
                job.maxTokens()[index / job.options().candidates()],
                job.options().sampling().filters().temperature(),
                end.reason().name().toLowerCase(Locale.ROOT),
                end.reason() == FinishReason.FAILED, startNanos, end.timings(), end.usage())));
    }

    /** A request got its next token so long after the one before. */
    void gap(ServedModel model, long nanos) {
        models.get(model.baseId()).gap(nanos);
    }

    void paid(ServedModel model, Receipt receipt) {
        models.get(model.baseId()).paid(receipt);
    }

    void unpriced() {
        unpriced.increment();
    }
}

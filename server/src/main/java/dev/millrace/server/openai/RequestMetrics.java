package dev.millrace.server.openai;

import dev.millrace.engine.EngineStatus;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.server.Release;
import dev.millrace.server.metering.Receipt;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * What the server measures about requests; those of adapters count as their model's. Where the
 * meaning is vLLM's, so are the name and the
 * buckets, so that dashboards and load balancers made for it work; the rest is {@code millrace_}.
 */
public final class RequestMetrics {

    private static final double NANOS = 1e9;
    private static final double MICROS = 1e6;
    private static final Duration[] FIRST_TOKEN_BUCKETS = seconds(0.001, 0.005, 0.01, 0.02, 0.04,
            0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160);
    private static final Duration[] TOKEN_BUCKETS = seconds(0.01, 0.025, 0.05, 0.075, 0.1, 0.15,
            0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80);
    private static final Duration[] REQUEST_BUCKETS = seconds(0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10,
            15, 20, 30, 40, 50, 60, 120, 240, 480, 960);

    private final MeterRegistry registry;
    private final Map<String, ModelMeters> models = new HashMap<>();
    private final Counter unpriced;

    public RequestMetrics(MeterRegistry registry, List<ServedModel> served) {
        this.registry = registry;
        this.unpriced = Counter.builder("millrace_unpriced_responses")
                .description("responses whose usage.cost is null for want of a receipt")
                .register(registry);
        Gauge.builder("millrace_build", () -> 1).description("which Millrace this is")
                .tag("version", Release.version()).register(registry);
        for (ServedModel model : served) {
            models.computeIfAbsent(model.baseId(), id -> new ModelMeters(model));
        }
    }

    /** A request was answered; {@code endpoint} is the route's path, not the client's. */
    public void answered(String endpoint, String method, int status) {
        Counter.builder("millrace_http_requests")
                .description("HTTP requests by route and status")
                .tags("endpoint", endpoint, "method", method, "status", Integer.toString(status))
                .register(registry).increment();
    }

    void finished(ServedModel model, Finished end) {
        models.get(model.baseId()).finished(end);
    }

    void paid(ServedModel model, Receipt receipt) {
        models.get(model.baseId()).paid(receipt);
    }

    void unpriced() {
        unpriced.increment();
    }

    private static Duration[] seconds(double... seconds) {
        return DoubleStream.of(seconds)
                .mapToObj(value -> Duration.ofNanos(Math.round(value * NANOS)))
                .toArray(Duration[]::new);
    }

    /** One model's meters, looked up once. */
    private final class ModelMeters {

        private final ServedModel model;
        private final Counter promptTokens;
        private final Counter cachedTokens;
        private final Counter completionTokens;
        private final Timer firstToken;
        private final Timer perToken;
        private final Timer endToEnd;
        private final Timer queue;
        private final LongAdder costNanoUsd = new LongAdder();
        private final LongAdder microjoules = new LongAdder();
        private final LongAdder prefillNanos = new LongAdder();
        private final LongAdder decodeNanos = new LongAdder();

        ModelMeters(ServedModel model) {
            this.model = model;
            this.promptTokens = counter("vllm:prompt_tokens", "prompt tokens of ended requests");
            this.cachedTokens = counter("vllm:prefix_cache_hits",
                    "prompt tokens that came from the prefix cache");
            this.completionTokens = counter("vllm:generation_tokens", "tokens sampled");
            this.firstToken = timer("vllm:time_to_first_token",
                    "from submission to the first token", FIRST_TOKEN_BUCKETS);
            this.perToken = timer("vllm:request_time_per_output_token",
                    "mean gap between a request's tokens", TOKEN_BUCKETS);
            this.endToEnd = timer("vllm:e2e_request_latency", "from submission to the end",
                    REQUEST_BUCKETS);
            this.queue = timer("vllm:request_queue_time", "from submission to the first step",
                    REQUEST_BUCKETS);
            engineGauges();
            total("millrace_cost_usd", "what ended requests cost, in US dollars", costNanoUsd,
                    NANOS);
            total("millrace_energy_joules", "energy of ended requests, where measured",
                    microjoules, MICROS);
            total("millrace_device_prefill_seconds", "device time of prompts", prefillNanos, NANOS);
            total("millrace_device_decode_seconds", "device time of completions", decodeNanos,
                    NANOS);
            Gauge.builder("millrace_served_model", () -> 1).description("what runs where")
                    .tags("model_name", model.baseId(), "architecture", model.spec().architecture(),
                            "backend", model.backend())
                    .register(registry);
        }

        private void engineGauges() {
            gauge("vllm:num_requests_running", "sequences in the batch", EngineStatus::running);
            gauge("vllm:num_requests_waiting", "sequences in the queue", EngineStatus::waiting);
            gauge("vllm:kv_cache_usage_perc", "share of the cache in use, 0 to 1",
                    status -> status.totalBlocks() == 0
                            ? 0
                            : (double) status.usedBlocks() / status.totalBlocks());
            FunctionCounter.builder("vllm:num_preemptions", model.engine(),
                    engine -> engine.status().preemptions())
                    .description("sequences thrown out for lack of cache")
                    .tag("model_name", model.baseId()).register(registry);
            FunctionCounter.builder("millrace_poisoned_requests", model.engine(),
                    engine -> engine.status().poisoned())
                    .description("requests that failed because their logits were no numbers")
                    .tag("model_name", model.baseId()).register(registry);
            FunctionCounter.builder("millrace_steps", model.engine(),
                    engine -> engine.status().steps()).description("steps of the engine")
                    .tag("model_name", model.baseId()).register(registry);
        }

        private Counter counter(String name, String description) {
            return Counter.builder(name).description(description).tag("model_name", model.baseId())
                    .register(registry);
        }

        private Timer timer(String name, String description, Duration[] buckets) {
            return Timer.builder(name).description(description).tag("model_name", model.baseId())
                    .serviceLevelObjectives(buckets).register(registry);
        }

        private void gauge(String name, String description, ToDoubleFunction<EngineStatus> value) {
            Gauge.builder(name, model.engine(), engine -> value.applyAsDouble(engine.status()))
                    .description(description).tag("model_name", model.baseId()).register(registry);
        }

        private void total(String name, String description, LongAdder value, double parts) {
            FunctionCounter.builder(name, value, sum -> sum.sum() / parts).description(description)
                    .tag("model_name", model.baseId()).register(registry);
        }

        private void finished(Finished end) {
            promptTokens.increment(end.usage().promptTokens());
            cachedTokens.increment(end.usage().cachedTokens());
            completionTokens.increment(end.usage().completionTokens());
            Counter.builder("vllm:request_success").description("ended requests by how they ended")
                    .tags("model_name", model.baseId(), "finished_reason",
                            end.reason().name().toLowerCase(Locale.ROOT))
                    .register(registry).increment();
            long totalNanos = end.timings().totalNanos();
            long firstTokenNanos = end.timings().firstTokenNanos();
            queue.record(end.timings().queueNanos(), TimeUnit.NANOSECONDS);
            endToEnd.record(totalNanos, TimeUnit.NANOSECONDS);
            if (firstTokenNanos > 0) {
                firstToken.record(firstTokenNanos, TimeUnit.NANOSECONDS);
                int gaps = end.usage().completionTokens() - 1;
                if (gaps > 0) {
                    perToken.record((totalNanos - firstTokenNanos) / gaps, TimeUnit.NANOSECONDS);
                }
            }
        }

        private void paid(Receipt receipt) {
            costNanoUsd.add(receipt.costNanoUsd());
            prefillNanos.add(receipt.prefillNanos());
            decodeNanos.add(receipt.decodeNanos());
            microjoules.add(Math.max(0, receipt.microjoules()));
        }
    }
}

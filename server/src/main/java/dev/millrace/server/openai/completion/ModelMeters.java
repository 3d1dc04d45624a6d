package dev.millrace.server.openai.completion;

import dev.millrace.engine.EngineStatus;
import dev.millrace.engine.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.Receipt;
import dev.millrace.server.metering.prices.Alternative;
import dev.millrace.server.openai.model.ServedModel;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * One model's meters. Names, labels and buckets of {@code vllm:} are those of vLLM's v1 engine,
 * where {@code engine} numbers the replicas of a model: here it is 0, for all of them together.
 */
final class ModelMeters {

    private static final double NANOS = 1e9;
    private static final double MICROS = 1e6;
    private static final Duration[] FIRST_TOKEN_BUCKETS = seconds(0.001, 0.005, 0.01, 0.02, 0.04,
            0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160);
    private static final Duration[] TOKEN_BUCKETS = seconds(0.01, 0.025, 0.05, 0.075, 0.1, 0.15,
            0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80);
    private static final Duration[] REQUEST_BUCKETS = seconds(0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10,
            15, 20, 30, 40, 50, 60, 120, 240, 480, 960);
    private static final double[] LENGTH_BUCKETS = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000,
        5000, 10_000, 20_000, 50_000, 100_000};

    private final ServedModel model;
    private final MeterRegistry registry;
    private final Tags labels;
    private final Counter promptTokens;
    private final Counter queriedTokens;
    private final Counter cachedTokens;
    private final Counter completionTokens;
    private final Counter draftTokens;
    private final Counter acceptedDrafts;
    private final Timer firstToken;
    private final Timer betweenTokens;
    private final Timer perToken;
    private final Timer endToEnd;
    private final Timer queue;
    private final Timer inference;
    private final Timer prefill;
    private final Timer decode;
    private final DistributionSummary promptLength;
    private final DistributionSummary completionLength;
    private final LongAdder costNanoUsd = new LongAdder();
    private final LongAdder microjoules = new LongAdder();
    private final LongAdder prefillNanos = new LongAdder();
    private final LongAdder decodeNanos = new LongAdder();

    ModelMeters(ServedModel model, MeterRegistry registry) {
        this.model = model;
        this.registry = registry;
        this.labels = Tags.of("model_name", model.baseId(), "engine", "0");
        promptTokens = counter("vllm:prompt_tokens", "prompt tokens of ended requests");
        queriedTokens = counter("vllm:prefix_cache_queries",
                "prompt tokens that were looked for in the prefix cache");
        cachedTokens = counter("vllm:prefix_cache_hits",
                "prompt tokens that came from the prefix cache");
        completionTokens = counter("vllm:generation_tokens", "tokens sampled");
        draftTokens = counter("vllm:spec_decode_num_draft_tokens", "tokens guessed ahead");
        acceptedDrafts = counter("vllm:spec_decode_num_accepted_tokens",
                "tokens guessed ahead that the model said");
        firstToken = timer("vllm:time_to_first_token", "from submission to the first token",
                FIRST_TOKEN_BUCKETS);
        betweenTokens = timer("vllm:inter_token_latency",
                "from one step that gave a request tokens to the next", TOKEN_BUCKETS);
        perToken = timer("vllm:request_time_per_output_token",
                "mean gap between a request's tokens", TOKEN_BUCKETS);
        endToEnd = timer("vllm:e2e_request_latency", "from submission to the end",
                REQUEST_BUCKETS);
        queue = timer("vllm:request_queue_time", "from submission to the first step",
                REQUEST_BUCKETS);
        inference = timer("vllm:request_inference_time", "from the first step to the end",
                REQUEST_BUCKETS);
        prefill = timer("vllm:request_prefill_time", "from the first step to the first token",
                REQUEST_BUCKETS);
        decode = timer("vllm:request_decode_time", "from the first token to the end",
                REQUEST_BUCKETS);
        promptLength = lengths("vllm:request_prompt_tokens", "prompt tokens of a request");
        completionLength = lengths("vllm:request_generation_tokens", "tokens of a completion");
        engineGauges();
        total("millrace_cost_usd", "what ended requests cost, in US dollars", costNanoUsd, NANOS);
        total("millrace_energy_joules", "energy of ended requests, where measured", microjoules,
                MICROS);
        total("millrace_device_prefill_seconds", "device time of prompts", prefillNanos, NANOS);
        total("millrace_device_decode_seconds", "device time of completions", decodeNanos, NANOS);
        Gauge.builder("millrace_served_model", () -> 1).description("what runs where")
                .tags("model_name", model.baseId(), "architecture", model.spec().architecture(),
                        "backend", model.backend())
                .register(registry);
    }

    private static Duration[] seconds(double... seconds) {
        return DoubleStream.of(seconds)
                .mapToObj(value -> Duration.ofNanos(Math.round(value * NANOS)))
                .toArray(Duration[]::new);
    }

    private void engineGauges() {
        gauge("vllm:num_requests_running", "sequences in the batch", EngineStatus::running);
        gauge("vllm:num_requests_waiting", "sequences in the queue", EngineStatus::waiting);
        gauge("vllm:kv_cache_usage_perc", "share of the cache in use, 0 to 1",
                status -> status.totalBlocks() == 0
                        ? 0
                        : (double) status.usedBlocks() / status.totalBlocks());
        count("vllm:num_preemptions", "sequences thrown out for others", labels,
                EngineStatus::preemptions);
        Tags own = Tags.of("model_name", model.baseId());
        count("millrace_poisoned_requests",
                "requests that failed because their logits were no numbers", own,
                EngineStatus::poisoned);
        count("millrace_steps", "steps of the engine", own, EngineStatus::steps);
    }

    private Counter counter(String name, String description) {
        return Counter.builder(name).description(description).tags(labels).register(registry);
    }

    private Timer timer(String name, String description, Duration[] buckets) {
        return Timer.builder(name).description(description).tags(labels)
                .serviceLevelObjectives(buckets).register(registry);
    }

    private DistributionSummary lengths(String name, String description) {
        return DistributionSummary.builder(name).description(description).tags(labels)
                .serviceLevelObjectives(LENGTH_BUCKETS).register(registry);
    }

    private void gauge(String name, String description, ToDoubleFunction<EngineStatus> value) {
        Gauge.builder(name, model.engine(), engine -> value.applyAsDouble(engine.status()))
                .description(description).tags(labels).register(registry);
    }

    private void count(String name, String description, Tags tags,
            ToDoubleFunction<EngineStatus> value) {
        FunctionCounter.builder(name, model.engine(),
                engine -> value.applyAsDouble(engine.status())).description(description)
                .tags(tags).register(registry);
    }

    private void total(String name, String description, LongAdder value, double parts) {
        FunctionCounter.builder(name, value, sum -> sum.sum() / parts).description(description)
                .tag("model_name", model.baseId()).register(registry);
    }

    void gap(long nanos) {
        betweenTokens.record(nanos, TimeUnit.NANOSECONDS);
    }

    void finished(Finished end) {
        TokenUsage usage = end.usage();
        promptTokens.increment(usage.promptTokens());
        queriedTokens.increment(usage.promptTokens());
        cachedTokens.increment(usage.cachedTokens());
        completionTokens.increment(usage.completionTokens());
        draftTokens.increment(usage.acceptedDrafts() + usage.rejectedDrafts());
        acceptedDrafts.increment(usage.acceptedDrafts());
        promptLength.record(usage.promptTokens());
        completionLength.record(usage.completionTokens());
        Counter.builder("vllm:request_success").description("ended requests by how they ended")
                .tags(labels.and("finished_reason", vllmReason(end.reason())))
                .register(registry).increment();
        Counter.builder("millrace_ended_requests").description("ended requests by how they ended")
                .tags("model_name", model.baseId(), "reason",
                        end.reason().name().toLowerCase(Locale.ROOT))
                .register(registry).increment();
        times(end.timings(), usage.completionTokens() - 1);
    }

    /** vLLM knows no deadlines, which are its clients' to keep: they abort. */
    private static String vllmReason(FinishReason reason) {
        return switch (reason) {
            case STOP -> "stop";
            case LENGTH -> "length";
            case CANCELLED, DEADLINE -> "abort";
            case FAILED -> "error";
        };
    }

    private void times(RequestTimings timings, int gaps) {
        long totalNanos = timings.totalNanos();
        long firstTokenNanos = timings.firstTokenNanos();
        record(queue, timings.queueNanos());
        record(endToEnd, totalNanos);
        record(inference, totalNanos - timings.queueNanos());
        if (firstTokenNanos > 0) {
            record(firstToken, firstTokenNanos);
            record(prefill, firstTokenNanos - timings.queueNanos());
            record(decode, totalNanos - firstTokenNanos);
            if (gaps > 0) {
                record(perToken, (totalNanos - firstTokenNanos) / gaps);
            }
        }
    }

    private static void record(Timer timer, long nanos) {
        timer.record(nanos, TimeUnit.NANOSECONDS);
    }

    void paid(Receipt receipt) {
        costNanoUsd.add(receipt.costNanoUsd());
        prefillNanos.add(receipt.prefillNanos());
        decodeNanos.add(receipt.decodeNanos());
        microjoules.add(Math.max(0, receipt.microjoules()));
        for (Alternative host : receipt.alternatives()) {
            Counter.builder("millrace_elsewhere_usd")
                    .description("what ended requests would have cost at hosts, in US dollars")
                    .tags("model_name", model.baseId(), "provider", host.provider(),
                            "hosted_model", host.model(), "same_weights",
                            Boolean.toString(host.sameWeights()))
                    .register(registry).increment(host.nanoUsd() / NANOS);
        }
    }
}

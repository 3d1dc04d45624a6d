package dev.millrace.server.tracing;

import dev.millrace.server.Release;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Sends spans to a collector by OTLP over HTTP, in JSON, on a thread of its own. Requests never
 * wait for it: what does not fit into its queue, and what the collector does not take, is dropped
 * and counted.
 */
public final class TraceExporter implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(TraceExporter.class);
    private static final JsonMapper JSON = new JsonMapper();
    private static final int QUEUED_GENERATIONS = 2048;
    private static final int BATCH_GENERATIONS = 128;
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final long LINGER_MILLIS = 200;

    private final URI collector;
    private final BlockingQueue<TracedGeneration> queue = new ArrayBlockingQueue<>(
            QUEUED_GENERATIONS);
    private final Counter exported;
    private final Counter dropped;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(TIMEOUT).build();
    private final Thread thread;
    private volatile boolean closing;
    private boolean failing;

    private TraceExporter(URI collector, MeterRegistry registry) {
        this.collector = collector;
        this.exported = Counter.builder("millrace_trace_generations")
                .description("generations whose spans the collector took")
                .register(registry);
        this.dropped = Counter.builder("millrace_trace_generations_dropped")
                .description("generations whose spans were dropped: the queue was full, or the"
                        + " collector did not take them")
                .register(registry);
        this.thread = Thread.ofPlatform().name("trace-exporter").daemon().unstarted(this::run);
    }

    /** Starts. @param collector its whole address, such as {@code http://host:4318/v1/traces} */
    public static TraceExporter start(URI collector, MeterRegistry registry) {
        TraceExporter exporter = new TraceExporter(collector, registry);
        exporter.thread.start();
        return exporter;
    }

    /** Takes a generation, or drops it; never waits. */
    public void ended(TracedGeneration generation) {
        if (!queue.offer(generation)) {
            dropped.increment();
        }
    }

    private void run() {
        List<TracedGeneration> batch = new ArrayList<>();
        try {
            while (!closing || !queue.isEmpty()) {
                TracedGeneration first = queue.poll(LINGER_MILLIS, TimeUnit.MILLISECONDS);
                if (first != null) {
                    batch.add(first);
                    queue.drainTo(batch, BATCH_GENERATIONS - 1);
                    send(batch);
                    batch.clear();
                }
            }
        } catch (InterruptedException closed) {
            dropped.increment(queue.size() + batch.size());
        }
    }

    private void send(List<TracedGeneration> batch) throws InterruptedException {
        String why;
        try {
            HttpRequest request = HttpRequest.newBuilder(collector).timeout(TIMEOUT)
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(JSON.writeValueAsString(message(batch))))
                    .build();
            HttpResponse<Void> response = http.send(request, BodyHandlers.discarding());
            if (response.statusCode() / 100 == 2) {
                exported.increment(batch.size());
                failing = false;
                return;
            }
            why = "HTTP " + response.statusCode();
        } catch (IOException e) {
            why = e.toString();
        }
        dropped.increment(batch.size());
        if (!failing) {
            failing = true; // once, until it works again
            LOG.warn("traces are dropped: the collector {} does not take them: {}", collector,
                    why);
        }
    }

    private static ObjectNode message(List<TracedGeneration> batch) {
        ObjectNode message = JSON.createObjectNode();
        ObjectNode resource = message.putArray("resourceSpans").addObject();
        resource.putObject("resource").putArray("attributes").addObject()
                .put("key", "service.name").putObject("value").put("stringValue", "millrace");
        ObjectNode scope = resource.putArray("scopeSpans").addObject();
        scope.putObject("scope").put("name", "dev.millrace").put("version", Release.version());
        ArrayNode spans = scope.putArray("spans");
        batch.forEach(generation -> GenerationSpans.of(generation).forEach(spans::add));
        return message;
    }

    /** Sends what is queued, for as long as one try may take. */
    @Override
    public void close() {
        closing = true;
        try {
            if (!thread.join(TIMEOUT)) {
                thread.interrupt();
                thread.join();
            }
        } catch (InterruptedException e) {
            thread.interrupt();
            Thread.currentThread().interrupt();
        }
        http.close();
    }
}

package dev.millrace.server.openai;

import dev.millrace.server.metering.RequestMeter;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import tools.jackson.databind.node.ObjectNode;

/**
 * Completions for every dialect: a request in OpenAI's words comes in, OpenAI's chunks or a whole
 * answer come out, metered alike whoever asked. Safe to share between threads.
 */
public final class Completions {

    private static final Duration BUSY_RETRY = Duration.ofSeconds(1);

    private final ModelDirectory models;
    private final JobReader jobs;
    private final CompletionService service;
    private final HttpLimits limits;
    private final Semaphore permits;

    /** @param served at least one; further ones that {@code models} gets are adapters of these */
    Completions(ModelDirectory models, List<ServedModel> served, RequestMeter meter,
            RequestMetrics metrics, HttpLimits limits) {
        this.models = models;
        this.jobs = new JobReader(models, served, limits);
        this.service = new CompletionService(meter, metrics, limits);
        this.limits = limits;
        this.permits = new Semaphore(limits.requests());
    }

    /** The models that can be asked for. */
    public ModelDirectory models() {
        return models;
    }

    public HttpLimits limits() {
        return limits;
    }

    /**
     * Streams a chat.
     *
     * @param request  a body of {@code /v1/chat/completions}; that it streams, with its usage at
     *                 the end, goes without saying
     * @param endpoint the client's, for the ledger
     * @throws ApiException if it fails before the sink has started
     * @throws IOException  if the client vanished
     */
    public void chat(ObjectNode request, String endpoint, Caller caller, ChunkSink sink)
            throws IOException, InterruptedException {
        ObjectNode streamed = request.deepCopy().put("stream", true);
        streamed.putObject("stream_options").put("include_usage", true);
        try (Admission _ = admit()) {
            service.stream(jobs.chat(new Fields(streamed), new ChatFormat(endpoint), caller),
                    sink, caller.connection());
        }
    }

    /** How many tokens a chat's prompt has, as the model's template spells it. */
    public int chatPromptTokens(ObjectNode request) {
        return jobs.chatPrompt(new Fields(request)).length;
    }

    JobReader jobs() {
        return jobs;
    }

    CompletionService service() {
        return service;
    }

    /** Takes one of the places of requests that are handled at once. @throws ApiException 503 */
    Admission admit() {
        if (!permits.tryAcquire()) {
            throw ApiException.overloaded("this server handles at most " + limits.requests()
                    + " requests at once", BUSY_RETRY);
        }
        return permits::release;
    }

    /** A place among the requests that are handled at once. */
    @FunctionalInterface
    interface Admission extends AutoCloseable {
        @Override
        void close();
    }
}

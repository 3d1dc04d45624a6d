package dev.millrace.server.openai;

import dev.millrace.server.openai.completion.Accounts;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.ChatFormat;
import dev.millrace.server.openai.completion.ChunkSink;
import dev.millrace.server.openai.completion.CompletionFormat;
import dev.millrace.server.openai.completion.CompletionService;
import dev.millrace.server.openai.completion.RequestMetrics;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.request.JobReader;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import java.io.IOException;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/**
 * Completions for every dialect: a request in OpenAI's words comes in, OpenAI's chunks or a whole
 * answer come out, metered alike whoever asked. Safe to share between threads.
 */
public final class Completions {

    private final JobReader jobs;
    private final CompletionService service;

    /** @param served models; further ones that {@code models} gets are adapters of these */
    public Completions(ModelDirectory models, List<ServedModel> served, Accounts accounts,
            RequestMetrics metrics, HttpLimits limits) {
        this.jobs = new JobReader(models, served, limits);
        this.service = new CompletionService(accounts, metrics, limits);
    }

    /**
     * Streams a chat.
     *
     * @param request  a body of {@code /v1/chat/completions}; that it streams, with its usage at
     *                 the end, goes without saying
     * @param endpoint the client's, for the ledger
     * @param idPrefix what the answer's id begins with
     * @throws ApiException if it fails before the sink has started
     * @throws IOException  if the client vanished
     */
    public void chat(ObjectNode request, String endpoint, String idPrefix, Caller caller,
            ChunkSink sink)
            throws IOException, InterruptedException {
        ObjectNode streamed = request.deepCopy().put("stream", true);
        streamed.putObject("stream_options").put("include_usage", true);
        service.stream(jobs.chat(new Fields(streamed), new ChatFormat(endpoint, idPrefix), caller),
                sink,
                caller.connection());
    }

    /**
     * Streams a plain completion.
     *
     * @param request a body of {@code /v1/completions}; that it streams, with its usage at the end,
     *                goes without saying
     * @see #chat
     */
    public void completion(ObjectNode request, String endpoint, Caller caller, ChunkSink sink)
            throws IOException, InterruptedException {
        ObjectNode streamed = request.deepCopy().put("stream", true);
        streamed.putObject("stream_options").put("include_usage", true);
        service.stream(jobs.completion(new Fields(streamed), new CompletionFormat(endpoint),
                caller), sink, caller.connection());
    }

    /**
     * Answers a whole chat.
     *
     * @param request  a body of {@code /v1/chat/completions} that does not stream
     * @param endpoint the client's, for the ledger
     * @throws ApiException if it fails
     * @throws IOException  if the client vanished
     */
    public ObjectNode wholeChat(Fields request, String endpoint, Caller caller)
            throws IOException, InterruptedException {
        return service.whole(jobs.chat(request,
                new ChatFormat(endpoint, ChatFormat.OPENAI.idPrefix()), caller),
                caller.connection());
    }

    /** The same for a body of {@code /v1/completions}. */
    public ObjectNode wholeCompletion(Fields request, String endpoint, Caller caller)
            throws IOException, InterruptedException {
        return service.whole(jobs.completion(request, new CompletionFormat(endpoint), caller),
                caller.connection());
    }

    /** The tokens of a chat's prompt, as the model's template spells it. */
    public int[] chatPrompt(ObjectNode request, Caller caller) {
        return jobs.prompt(new Fields(request), caller).prompt();
    }

    /** The same as text. */
    public String chatPromptText(ObjectNode request, Caller caller) {
        return jobs.prompt(new Fields(request), caller).promptText();
    }

    /** Whether the model of this id thinks before it answers, or can. */
    public boolean thinks(String model) {
        return jobs.thinks(model);
    }

    JobReader jobs() {
        return jobs;
    }

    CompletionService service() {
        return service;
    }
}

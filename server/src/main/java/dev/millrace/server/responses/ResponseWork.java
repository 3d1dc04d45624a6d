package dev.millrace.server.responses;

import dev.millrace.server.dialects.ListenedChunks;
import dev.millrace.server.openai.Completions;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import java.time.Clock;
import tools.jackson.databind.json.JsonMapper;

/** Makes responses by means of chat completions. Safe to share between threads. */
final class ResponseWork {

    private static final String ID_PREFIX = "resp_";

    private final ModelDirectory models;
    private final Completions completions;
    private final StoredResponses stored;
    private final JsonMapper reader;
    private final Clock clock;

    ResponseWork(ModelDirectory models, Completions completions, StoredResponses stored,
            HttpLimits limits, Clock clock) {
        this.models = models;
        this.completions = completions;
        this.stored = stored;
        this.reader = Json.reader(limits);
        this.clock = clock;
    }

    /** Reads a request. @throws ApiException 400 or 404 that names the field */
    ResponseRequest read(Fields body, Caller caller) throws InterruptedException {
        ResponseRequest request = new RequestReader(body, stored, caller.identity().tenant())
                .read();
        if (request.truncates()) {
            Truncation.fit(request.chat(), Truncation.promptTokens(
                    models.require(request.chat().get("model").stringValue()).contextTokens(),
                    request.maxOutputTokens()), chat -> tokens(request, caller));
        }
        return request;
    }

    /** Tokens of a request's prompt. @throws ApiException 400 or 404 that names the field */
    int tokens(ResponseRequest request, Caller caller) {
        try {
            return completions.chatPrompt(request.chat(), caller).length;
        } catch (ApiException e) {
            throw ChatWords.reworded(e);
        }
    }

    /** What makes a response of a request's answer. */
    ResponseBuilder builder(ResponseRequest request, EventOutput output,
            ResponseBuilder.Keeper keeper) {
        return new ResponseBuilder(request, output, keeper, reader, clock);
    }

    /**
     * Has a model answer.
     *
     * @param endpoint the client's, for the ledger
     * @throws ApiException if it fails before the client was sent anything
     * @throws IOException  if the client vanished
     */
    void run(ResponseRequest request, String endpoint, Caller caller, ResponseBuilder builder)
            throws IOException, InterruptedException {
        try {
            completions.chat(request.chat(), endpoint, ID_PREFIX, caller,
                    new ListenedChunks(builder));
        } catch (ApiException e) {
            throw ChatWords.reworded(e);
        }
    }
}

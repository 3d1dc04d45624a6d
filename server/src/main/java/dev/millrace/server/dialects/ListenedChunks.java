package dev.millrace.server.dialects;

import dev.millrace.server.dialects.ChatListener.Ending;
import dev.millrace.server.openai.completion.ChunkSink;
import dev.millrace.server.openai.wire.ApiException;
import java.io.IOException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Tells a listener what the chunks of the only choice of a chat or a plain completion say. */
public final class ListenedChunks implements ChunkSink {

    private final ChatListener listener;
    private int promptTokens;
    private boolean begun;
    private String finishReason;
    private String stopSequence;
    private JsonNode usage;

    public ListenedChunks(ChatListener listener) {
        this.listener = listener;
    }

    @Override
    public void accepted(String id) throws IOException {
        listener.accepted(id);
    }

    @Override
    public void begin(int tokens) {
        promptTokens = tokens;
    }

    @Override
    public void stopped(String sequence) {
        stopSequence = sequence;
    }

    @Override
    public void send(ObjectNode chunk) throws IOException {
        if (!begun) {
            begun = true;
            listener.begin(chunk.get("id").stringValue(), promptTokens);
        }
        JsonNode choice = chunk.at("/choices/0");
        if (choice.isMissingNode()) {
            usage = chunk.get("usage");
            return;
        }
        JsonNode logprobs = choice.at("/logprobs/content");
        if (!logprobs.isMissingNode()) {
            listener.logprobs(logprobs);
        }
        JsonNode delta = choice.path("delta");
        String thought = delta.path("reasoning_content").stringValue("");
        if (!thought.isEmpty()) {
            listener.thought(thought);
        }
        String text = delta.path("content").stringValue(choice.path("text").stringValue(""));
        if (!text.isEmpty()) {
            listener.text(text);
        }
        for (JsonNode call : delta.path("tool_calls").values()) {
            tell(call);
        }
        finishReason = choice.path("finish_reason").stringValue(finishReason);
    }

    private void tell(JsonNode call) throws IOException {
        int index = call.get("index").intValue();
        if (call.has("id")) {
            listener.call(index, call.get("id").stringValue(),
                    call.at("/function/name").stringValue());
        }
        String arguments = call.at("/function/arguments").stringValue("");
        if (!arguments.isEmpty()) {
            listener.arguments(index, arguments);
        }
    }

    @Override
    public void keepAlive() throws IOException {
        listener.keepAlive();
    }

    @Override
    public boolean started() {
        return listener.started();
    }

    @Override
    public void fail(ApiException failure) throws IOException {
        listener.fail(failure);
    }

    @Override
    public void done() throws IOException {
        listener.end(new Ending(finishReason, stopSequence, usage));
    }
}

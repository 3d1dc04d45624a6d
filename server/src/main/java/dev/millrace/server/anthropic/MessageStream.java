package dev.millrace.server.anthropic;

import dev.millrace.server.openai.completion.ResponseStream;
import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.node.ObjectNode;

/** Sends an answer's events, framed as Anthropic frames them. */
final class MessageStream implements MessageEvents.Output {

    private static final byte[] PING = "event: ping\ndata: {\"type\":\"ping\"}\n\n"
            .getBytes(StandardCharsets.US_ASCII);

    private final ResponseStream output;

    MessageStream(ResponseStream output) {
        this.output = output;
    }

    @Override
    public void event(ObjectNode event) throws IOException {
        output.write(("event: " + event.get("type").stringValue() + "\ndata: ")
                .getBytes(StandardCharsets.US_ASCII), Json.bytes(event),
                "\n\n".getBytes(StandardCharsets.US_ASCII));
    }

    @Override
    public void keepAlive() throws IOException {
        output.keepAlive(PING);
    }

    @Override
    public boolean started() {
        return output.started();
    }
}

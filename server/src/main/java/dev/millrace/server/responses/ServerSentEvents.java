package dev.millrace.server.responses;

import dev.millrace.server.openai.Json;
import dev.millrace.server.openai.ResponseStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.node.ObjectNode;

/** Sends a response's events, framed as OpenAI frames them. */
final class ServerSentEvents implements EventOutput {

    private static final byte[] KEEP_ALIVE = ": keep-alive\n\n"
            .getBytes(StandardCharsets.US_ASCII);
    private static final byte[] END = "\n\n".getBytes(StandardCharsets.US_ASCII);

    private final ResponseStream output;

    ServerSentEvents(ResponseStream output) {
        this.output = output;
    }

    @Override
    public void event(ObjectNode event) throws IOException {
        output.write(("event: " + event.get("type").stringValue() + "\ndata: ")
                .getBytes(StandardCharsets.US_ASCII), Json.bytes(event), END);
    }

    @Override
    public void keepAlive() throws IOException {
        output.keepAlive(KEEP_ALIVE);
    }

    @Override
    public boolean started() {
        return output.started();
    }
}

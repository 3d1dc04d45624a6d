package dev.millrace.server.responses;

import dev.millrace.server.openai.completion.ResponseStream;
import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.node.ObjectNode;

/** Sends a response's events, framed as OpenAI frames them. */
final class ServerSentEvents implements EventOutput {

    private static final byte[] KEEP_ALIVE = ": keep-alive\n\n"
            .getBytes(StandardCharsets.US_ASCII);

    private final ResponseStream output;

    ServerSentEvents(ResponseStream output) {
        this.output = output;
    }

    @Override
    public void event(ObjectNode event) throws IOException {
        output.write(frame(event));
    }

    /** Sends what {@link #frame} made. */
    void write(byte[] frame) throws IOException {
        output.write(frame);
    }

    /** An event as it is sent. */
    static byte[] frame(ObjectNode event) {
        return ("event: " + event.get("type").stringValue() + "\ndata: " + Json.text(event)
                + "\n\n").getBytes(StandardCharsets.UTF_8);
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

package dev.millrace.server.openai.completion;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.tenants.Quota;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import tools.jackson.databind.node.ObjectNode;

/**
 * A stream of server-sent events, framed as OpenAI frames them and flushed one by one. The
 * response is committed by the first event, so until then another status can be answered.
 */
final class EventStream implements ChunkSink {

    private static final byte[] DATA = "data: ".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] END = "\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] DONE = "data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] KEEP_ALIVE = ": keep-alive\n\n"
            .getBytes(StandardCharsets.US_ASCII);

    private final ResponseStream output;

    /** @param quota goes into the headers as it stands when the stream starts */
    EventStream(HttpServletResponse response, Duration keepAlive, Quota quota) {
        this.output = new ResponseStream(response, "text/event-stream", keepAlive, quota);
    }

    @Override
    public boolean started() {
        return output.started();
    }

    @Override
    public void send(ObjectNode data) throws IOException {
        output.write(DATA, Json.bytes(data), END);
    }

    /** Sends a comment if nothing was written for a while: proxies close silent connections. */
    @Override
    public void keepAlive() throws IOException {
        output.keepAlive(KEEP_ALIVE);
    }

    @Override
    public void fail(ApiException failure) throws IOException {
        send(failure.envelope());
    }

    @Override
    public void done() throws IOException {
        output.write(DONE);
    }
}

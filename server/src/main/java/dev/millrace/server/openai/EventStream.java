package dev.millrace.server.openai;

import dev.millrace.server.tenants.Quota;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
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

    private final HttpServletResponse response;
    private final long keepAliveNanos;
    private long lastWriteNanos = System.nanoTime();
    private final Quota quota;
    private OutputStream output;

    /** @param quota goes into the headers as it stands when the stream starts */
    EventStream(HttpServletResponse response, Duration keepAlive, Quota quota) {
        this.response = response;
        this.keepAliveNanos = keepAlive.toNanos();
        this.quota = quota;
    }

    @Override
    public boolean started() {
        return output != null;
    }

    @Override
    public void send(ObjectNode data) throws IOException {
        write(DATA, Json.bytes(data), END);
    }

    /** Sends a comment if nothing was written for a while: proxies close silent connections. */
    @Override
    public void keepAlive() throws IOException {
        if (System.nanoTime() - lastWriteNanos >= keepAliveNanos) {
            write(KEEP_ALIVE);
        }
    }

    @Override
    public void fail(ApiException failure) throws IOException {
        send(failure.envelope());
    }

    @Override
    public void done() throws IOException {
        write(DONE);
    }

    private void write(byte[]... parts) throws IOException {
        if (output == null) {
            response.setStatus(HttpServletResponse.SC_OK);
            response.setContentType("text/event-stream");
            response.setHeader("Cache-Control", "no-cache");
            response.setHeader("X-Accel-Buffering", "no");
            quota.headers().forEach(response::setHeader);
            output = response.getOutputStream();
        }
        for (byte[] part : parts) {
            output.write(part);
        }
        output.flush();
        lastWriteNanos = System.nanoTime();
    }
}

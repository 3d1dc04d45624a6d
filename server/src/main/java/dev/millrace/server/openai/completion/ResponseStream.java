package dev.millrace.server.openai.completion;

import dev.millrace.server.tenants.Quota;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;

/**
 * A response that grows, flushed piece by piece. It is committed by the first piece, so until then
 * another status can be answered.
 */
public final class ResponseStream {

    private final HttpServletResponse response;
    private final String contentType;
    private final long keepAliveNanos;
    private final Quota quota;
    private long lastWriteNanos = System.nanoTime();
    private OutputStream output;

    /**
     * @param keepAlive silence before {@link #keepAlive} writes
     * @param quota     goes into the headers as it stands when the stream starts
     */
    public ResponseStream(HttpServletResponse response, String contentType, Duration keepAlive,
            Quota quota) {
        this.response = response;
        this.contentType = contentType;
        this.keepAliveNanos = keepAlive.toNanos();
        this.quota = quota;
    }

    /** Whether anything was written. */
    public boolean started() {
        return output != null;
    }

    /** Writes a piece. @throws IOException if the client vanished */
    public void write(byte[]... parts) throws IOException {
        if (output == null) {
            response.setStatus(HttpServletResponse.SC_OK);
            response.setContentType(contentType);
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

    /** Writes this if nothing was written for a while: proxies close silent connections. */
    public void keepAlive(byte[] piece) throws IOException {
        if (System.nanoTime() - lastWriteNanos >= keepAliveNanos) {
            write(piece);
        }
    }
}

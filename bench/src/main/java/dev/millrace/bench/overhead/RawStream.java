package dev.millrace.bench.overhead;

import dev.millrace.bench.BenchException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** One connection that asks for streams and reads them with as little work as can be. */
final class RawStream implements AutoCloseable {

    private static final byte[] END = "data: [DONE]\n\n\r\n0\r\n\r\n"
            .getBytes(StandardCharsets.US_ASCII);
    private static final byte[] FIRST = "data: ".getBytes(StandardCharsets.US_ASCII);
    private static final int BUFFER_BYTES = 64 << 10;

    private final Socket socket;
    private final byte[] request;
    private final byte[] buffer = new byte[BUFFER_BYTES];

    /** @param tokens of each answer, one event each */
    RawStream(int port, int tokens) throws IOException {
        socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setTcpNoDelay(true);
        String body = "{\"model\":\"" + StubServer.MODEL
                + "\",\"prompt\":\"hello\",\"stream\":true,"
                + "\"temperature\":0,\"ignore_eos\":true,\"max_tokens\":" + tokens + "}";
        request = ("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                + "Content-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n"
                + body).getBytes(StandardCharsets.US_ASCII);
    }

    /** Asks for one stream and reads it to its end. @return nanoseconds to its first event */
    long run() throws IOException {
        InputStream input = socket.getInputStream();
        long began = System.nanoTime();
        socket.getOutputStream().write(request);
        long first = -1;
        int held = 0;
        while (true) {
            int read = input.read(buffer, held, buffer.length - held);
            if (read < 0) {
                throw new BenchException("the server ended a stream early: "
                        + new String(buffer, 0, held, StandardCharsets.UTF_8));
            }
            held += read;
            if (first < 0 && contains(FIRST, held)) {
                first = System.nanoTime() - began;
            }
            if (endsWith(END, held)) {
                return first;
            }
            if (first >= 0 && held > END.length) { // all that matters from here on is the end
                System.arraycopy(buffer, held - END.length, buffer, 0, END.length);
                held = END.length;
            }
        }
    }

    private boolean contains(byte[] text, int held) {
        for (int at = 0; at + text.length <= held; at++) {
            if (matches(text, at)) {
                return true;
            }
        }
        return false;
    }

    private boolean endsWith(byte[] text, int held) {
        return held >= text.length && matches(text, held - text.length);
    }

    private boolean matches(byte[] text, int at) {
        for (int i = 0; i < text.length; i++) {
            if (buffer[at + i] != text[i]) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}

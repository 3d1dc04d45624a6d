package dev.millrace.server.budgets;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/**
 * A POST of HTTP/1.1 (RFC 9112) to an address that was looked up and checked before: the name is
 * not looked up again, so that it cannot mean another address by then, and redirects are not
 * followed. The certificate must be the name's all the same. Of the answer only its status is read.
 */
final class PinnedPost {

    private static final int MOST_LINE_BYTES = 1_000;
    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] (\\d{3})( .*)?");
    private static final int HTTPS_PORT = 443;
    private static final int HTTP_PORT = 80;

    private final SSLSocketFactory tls;
    private final Duration patience;

    /** @param patience with connecting, and with the answer */
    PinnedPost(SSLSocketFactory tls, Duration patience) {
        this.tls = tls;
        this.patience = patience;
    }

    /**
     * Sends it.
     *
     * @param address of the URL's host
     * @return the status of the answer
     * @throws IOException if there is none in time, or it is not HTTP
     */
    int send(URI url, InetAddress address, Map<String, String> headers, byte[] body)
            throws IOException {
        boolean secure = "https".equals(url.getScheme());
        int port = url.getPort() >= 0 ? url.getPort() : secure ? HTTPS_PORT : HTTP_PORT;
        long deadline = System.nanoTime() + patience.toNanos();
        try (Socket plain = new Socket()) {
            plain.connect(new InetSocketAddress(address, port), left(deadline));
            plain.setSoTimeout(left(deadline));
            if (!secure) {
                return exchange(plain, deadline, head(url, headers, body.length), body);
            }
            try (SSLSocket socket = (SSLSocket) tls.createSocket(plain, url.getHost(), port,
                    true)) {
                SSLParameters parameters = socket.getSSLParameters();
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                socket.setSSLParameters(parameters);
                socket.startHandshake();
                return exchange(socket, deadline, head(url, headers, body.length), body);
            }
        }
    }

    private static String head(URI url, Map<String, String> headers, int bodyBytes) {
        String path = url.getRawPath().isEmpty() ? "/" : url.getRawPath();
        StringBuilder head = new StringBuilder("POST ").append(path)
                .append(url.getRawQuery() == null ? "" : "?" + url.getRawQuery())
                .append(" HTTP/1.1\r\nHost: ").append(url.getRawAuthority())
                .append("\r\nContent-Length: ").append(bodyBytes)
                .append("\r\nConnection: close\r\n");
        headers.forEach((name, value) -> head.append(name).append(": ").append(value)
                .append("\r\n"));
        return head.append("\r\n").toString();
    }

    private static int exchange(Socket socket, long deadline, String head, byte[] body)
            throws IOException {
        OutputStream out = socket.getOutputStream();
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        message.writeBytes(head.getBytes(StandardCharsets.US_ASCII));
        message.writeBytes(body);
        out.write(message.toByteArray());
        out.flush();
        String line = line(socket, deadline);
        Matcher status = STATUS.matcher(line);
        if (!status.matches()) {
            throw new IOException("the answer is not HTTP/1.1");
        }
        return Integer.parseInt(status.group(1));
    }

    /** A byte at a time, each within what is left of the time for all of them. */
    private static String line(Socket socket, long deadline) throws IOException {
        InputStream in = socket.getInputStream();
        StringBuilder line = new StringBuilder();
        while (line.length() < MOST_LINE_BYTES) {
            socket.setSoTimeout(left(deadline));
            int next = in.read();
            if (next < 0 || next == '\n') {
                return line.toString().stripTrailing();
            }
            line.append((char) next);
        }
        throw new IOException("the answer's first line has no end");
    }

    private static int left(long deadline) throws SocketTimeoutException {
        long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (millis <= 0) {
            throw new SocketTimeoutException("no answer in time");
        }
        return Math.toIntExact(millis);
    }
}

package dev.millrace.models.store;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

import static java.nio.charset.StandardCharsets.UTF_8;

/** A web server on this machine that speaks the npm protocol and misbehaves on demand. */
final class FakeRegistry implements AutoCloseable {

    /** A request as it arrived. */
    record Seen(String path, String range, String ifRange, String authorization) {}

    /** What to do with the next request for a file. */
    enum Mischief {
        BREAK_OFF_HALFWAY,
        STALL_HALFWAY,
        BUSY,
        IGNORE_RANGE,
        WRONG_RANGE,
        ENDLESS
    }

    private static final int CHUNK_BYTES = 4096;
    /** What asks for the first byte alone, to learn the size: no download, and never tricked. */
    private static final String MEASURING = "bytes=0-0";

    final List<Seen> seen = new CopyOnWriteArrayList<>();
    final Deque<Mischief> mischief = new ConcurrentLinkedDeque<>();
    /** Of downloads, metadata included. */
    final AtomicLong servedBytes = new AtomicLong();
    volatile boolean ignoresRanges;
    /** Of downloads; then nothing comes any more. */
    volatile long stopAfterBytes = Long.MAX_VALUE;
    private final Map<String, byte[]> files = new ConcurrentHashMap<>();
    private final Map<String, String> redirects = new ConcurrentHashMap<>();
    private final HttpServer server;
    volatile String etag;
    volatile String requiredAuthorization;

    FakeRegistry() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/", this::answer);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + path);
    }

    void put(String path, byte[] content) {
        files.put(path, content);
    }

    void redirect(String path, String target) {
        redirects.put(path, target);
    }

    /** Publishes a package of one file; the metadata names this registry's own tarball. */
    void publish(String name, String version, String file, byte[] content) {
        publish(name, version, new TarFixture().file("package/package.json", "{}".getBytes(UTF_8))
                .file("package/" + file, content).gzipped(), uri("").toString());
    }

    void publish(String name, String version, byte[] tarball, String origin) {
        String path = "/" + name + "/-/" + name + "-" + version + ".tgz";
        byte[] hash = new ContentDigest("SHA-512", "").start().digest(tarball);
        put(path, tarball);
        put("/" + name, ("""
                {"name": "%s", "versions": {"%s": {"dist": {"tarball": "%s", "integrity":
                "sha512-%s"}}}}""").formatted(name, version, origin + path,
                Base64.getEncoder().encodeToString(hash)).getBytes(UTF_8));
    }

    /** Requests for tarballs and plain files, not for metadata or sizes. */
    List<Seen> downloads() {
        return seen.stream().filter(request -> request.path().contains(".")
                && !MEASURING.equals(request.range())).toList();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            Headers headers = exchange.getRequestHeaders();
            seen.add(new Seen(path, headers.getFirst("Range"), headers.getFirst("If-Range"),
                    headers.getFirst("Authorization")));
            if (redirects.containsKey(path)) {
                exchange.getResponseHeaders().set("Location", redirects.get(path));
                exchange.sendResponseHeaders(302, -1);
            } else if (requiredAuthorization != null
                    && !requiredAuthorization.equals(headers.getFirst("Authorization"))) {
                exchange.sendResponseHeaders(401, -1);
            } else if (!files.containsKey(path)) {
                exchange.sendResponseHeaders(404, -1);
            } else {
                deliver(exchange, files.get(path));
            }
        }
    }

    private void deliver(HttpExchange exchange, byte[] content) throws IOException {
        boolean metadata = !exchange.getRequestURI().getPath().contains(".");
        boolean measuring = MEASURING.equals(exchange.getRequestHeaders().getFirst("Range"));
        Mischief trick = metadata || measuring ? null : mischief.poll();
        if (trick == Mischief.BUSY) {
            exchange.sendResponseHeaders(503, -1);
            return;
        }
        if (trick == Mischief.ENDLESS) {
            exchange.sendResponseHeaders(200, 1L << 60);
            exchange.getResponseBody().write(content);
            exchange.getResponseBody().flush();
            return;
        }
        boolean whole = trick == Mischief.IGNORE_RANGE || ignoresRanges;
        int offset = whole ? 0 : offset(exchange);
        int end = whole ? content.length : end(exchange, content.length);
        if (etag != null) {
            exchange.getResponseHeaders().set("ETag", etag);
        }
        if (offset >= content.length && offset > 0) {
            exchange.getResponseHeaders().set("Content-Range", "bytes */" + content.length);
            exchange.sendResponseHeaders(416, -1);
            return;
        }
        int length = end - offset;
        boolean part = length < content.length;
        if (part) {
            int claimed = trick == Mischief.WRONG_RANGE ? offset - 1 : offset;
            exchange.getResponseHeaders().set("Content-Range", "bytes " + claimed + "-"
                    + (end - 1) + "/" + content.length);
        }
        exchange.sendResponseHeaders(part ? 206 : 200, length);
        boolean half = trick == Mischief.BREAK_OFF_HALFWAY || trick == Mischief.STALL_HALFWAY;
        int served = half ? length / 2 : length;
        if (measuring) {
            exchange.getResponseBody().write(content, offset, served);
        } else {
            serve(exchange.getResponseBody(), content, offset, served);
        }
        exchange.getResponseBody().flush();
        if (trick == Mischief.STALL_HALFWAY) {
            sleepUntilGivenUp();
        }
    }

    /** Stalls where {@link #stopAfterBytes} are through. */
    private void serve(OutputStream out, byte[] content, int offset, int length)
            throws IOException {
        for (int done = 0; done < length;) {
            int chunk = Math.min(CHUNK_BYTES, length - done);
            long before = servedBytes.getAndAdd(chunk);
            int allowed = Math.clamp(stopAfterBytes - before, 0, chunk);
            out.write(content, offset + done, allowed);
            done += chunk;
            if (allowed < chunk) {
                out.flush();
                sleepUntilGivenUp();
            }
        }
    }

    private int offset(HttpExchange exchange) {
        String range = exchange.getRequestHeaders().getFirst("Range");
        String ifRange = exchange.getRequestHeaders().getFirst("If-Range");
        boolean stale = ifRange != null && !ifRange.equals(etag);
        return range == null || stale ? 0 : Integer.parseInt(range.replaceAll("bytes=|-.*", ""));
    }

    private int end(HttpExchange exchange, int length) {
        String range = exchange.getRequestHeaders().getFirst("Range");
        String ifRange = exchange.getRequestHeaders().getFirst("If-Range");
        boolean stale = ifRange != null && !ifRange.equals(etag);
        return range == null || stale || range.endsWith("-")
                ? length
                : Math.min(length, 1 + Integer.parseInt(range.replaceAll(".*-", "")));
    }

    private static void sleepUntilGivenUp() {
        try {
            Thread.sleep(60_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}

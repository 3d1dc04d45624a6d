package dev.millrace.models.store;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;

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

    final List<Seen> seen = new CopyOnWriteArrayList<>();
    final Deque<Mischief> mischief = new ArrayDeque<>();
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

    /** Requests for tarballs and plain files, not for metadata. */
    List<Seen> downloads() {
        return seen.stream().filter(request -> request.path().contains(".")).toList();
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
        Mischief trick = metadata ? null : mischief.poll();
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
        int offset = trick == Mischief.IGNORE_RANGE ? 0 : offset(exchange);
        if (etag != null) {
            exchange.getResponseHeaders().set("ETag", etag);
        }
        if (offset >= content.length && offset > 0) {
            exchange.getResponseHeaders().set("Content-Range", "bytes */" + content.length);
            exchange.sendResponseHeaders(416, -1);
            return;
        }
        int length = content.length - offset;
        if (offset > 0) {
            int claimed = trick == Mischief.WRONG_RANGE ? offset - 1 : offset;
            exchange.getResponseHeaders().set("Content-Range", "bytes " + claimed + "-"
                    + (content.length - 1) + "/" + content.length);
        }
        exchange.sendResponseHeaders(offset > 0 ? 206 : 200, length);
        boolean half = trick == Mischief.BREAK_OFF_HALFWAY || trick == Mischief.STALL_HALFWAY;
        exchange.getResponseBody().write(content, offset, half ? length / 2 : length);
        exchange.getResponseBody().flush();
        if (trick == Mischief.STALL_HALFWAY) {
            sleepUntilGivenUp();
        }
    }

    private int offset(HttpExchange exchange) {
        String range = exchange.getRequestHeaders().getFirst("Range");
        String ifRange = exchange.getRequestHeaders().getFirst("If-Range");
        boolean stale = ifRange != null && !ifRange.equals(etag);
        return range == null || stale ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
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

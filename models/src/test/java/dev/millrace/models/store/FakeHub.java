package dev.millrace.models.store;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Two web servers on this machine that speak the hub's protocol: one for repositories and small
 * files, one for the large files that the first redirects to. Both misbehave on demand.
 */
final class FakeHub implements AutoCloseable {

    /** A request as it arrived. */
    record Seen(String path, String range, String ifRange, String authorization) {}

    /** What to do with a request for content. */
    enum Mischief {
        NONE,
        BREAK_OFF,
        STALL,
        BUSY,
        IGNORE_RANGE,
        WRONG_RANGE,
        SPOIL
    }

    /** Decides about one request for content. */
    interface Faults {
        Mischief next(Seen request);
    }

    private static final Pattern MODEL = Pattern.compile(
            "/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)");
    private static final Pattern FILE = Pattern.compile("/([^/]+/[^/]+)/resolve/([^/]+)/(.+)");
    private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");

    private static final Map<byte[], String> HASHES = new IdentityHashMap<>();

    final List<Seen> hubSeen = new CopyOnWriteArrayList<>();
    final List<Seen> storageSeen = new CopyOnWriteArrayList<>();
    private final Map<String, Repository> repositories = new ConcurrentHashMap<>();
    private final Map<String, byte[]> storage = new ConcurrentHashMap<>();
    private final Map<String, String> tags = new ConcurrentHashMap<>();
    private final HttpServer hub = server(this::answer);
    private final HttpServer store = server(this::deliver);
    volatile Faults faults = request -> Mischief.NONE;
    volatile int busyAnswers;
    volatile String retryAfter;
    volatile int pageSize = 1000;
    volatile String requiredToken;
    volatile UnaryOperator<String> linkedTag = UnaryOperator.identity();

    /** A repository: its branches, its commits and what they hold. */
    static final class Repository {
        final Map<String, String> branches = new ConcurrentHashMap<>();
        final Map<String, Map<String, byte[]>> commits = new ConcurrentHashMap<>();
        final Map<String, Object> card = new LinkedHashMap<>();
        String gated = "false";

        /** A new commit of a branch. */
        Repository commit(String branch, Map<String, byte[]> files) {
            String commit = hex("SHA-1", (branch + commits.size()).getBytes(UTF_8));
            commits.put(commit, new TreeMap<>(files));
            branches.put(branch, commit);
            return this;
        }

        Repository licence(String licence) {
            card.put("license", licence);
            return this;
        }

        String head() {
            return branches.get("main");
        }
    }

    private interface Handler {
        void handle(HttpExchange exchange) throws IOException;
    }

    private static HttpServer server(Handler handler) {
        try {
            HttpServer server = HttpServer.create(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.createContext("/", exchange -> {
                try (exchange) {
                    handler.handle(exchange);
                }
            });
            server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
            server.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    URI endpoint() {
        return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
    }

    Repository publish(String name, Map<String, byte[]> files) {
        Repository repository = new Repository().commit("main", files);
        repositories.put(name, repository);
        return repository;
    }

    /** Replaces what the storage delivers for content, whatever the hub says about it. */
    void replace(byte[] content, byte[] other) {
        storage.put(sha256(content), other);
        tags.put(sha256(content), "\"" + sha256(other) + "\"");
    }

    /** Requests for files, at either server. */
    List<Seen> downloads() {
        List<Seen> all = new ArrayList<>(hubSeen.stream()
                .filter(request -> request.path().contains("/resolve/")).toList());
        all.addAll(storageSeen);
        return all;
    }

    private static Seen seen(HttpExchange exchange) {
        Headers headers = exchange.getRequestHeaders();
        return new Seen(exchange.getRequestURI().toString(), headers.getFirst("Range"),
                headers.getFirst("If-Range"), headers.getFirst("Authorization"));
    }

    private void answer(HttpExchange exchange) throws IOException {
        Seen request = seen(exchange);
        hubSeen.add(request);
        if (busyAnswers > 0) {
            busyAnswers--;
            if (retryAfter != null) {
                exchange.getResponseHeaders().set("Retry-After", retryAfter);
            }
            exchange.sendResponseHeaders(429, -1);
            return;
        }
        String path = exchange.getRequestURI().getPath();
        Matcher model = MODEL.matcher(path);
        Matcher file = FILE.matcher(path);
        boolean api = model.matches();
        if (!api && !file.matches()) {
            refuse(exchange, 404, "RepoNotFound");
            return;
        }
        Matcher found = api ? model : file;
        Repository repository = repositories.get(found.group(1));
        String revision = found.group(api ? 3 : 2);
        if (repository == null) {
            refuse(exchange, 401, "RepoNotFound");
            return;
        }
        String commit = repository.branches.getOrDefault(revision, revision);
        Map<String, byte[]> files = repository.commits.get(commit);
        if (files == null) {
            refuse(exchange, 404, "RevisionNotFound");
        } else if (api && model.group(2).equals("revision")) {
            json(exchange, Map.of("id", model.group(1), "sha", commit, "gated", repository.gated,
                    "cardData", repository.card));
        } else if (api) {
            tree(exchange, files);
        } else {
            resolve(exchange, request, repository, commit, file.group(3));
        }
    }

    private void tree(HttpExchange exchange, Map<String, byte[]> files) throws IOException {
        String query = exchange.getRequestURI().getQuery();
        int from = query.contains("cursor=") ? Integer.parseInt(query.replaceAll("\\D", "")) : 0;
        List<Map<String, Object>> entries = files.entrySet().stream().skip(from).limit(pageSize)
                .map(file -> entry(file.getKey(), file.getValue())).toList();
        if (from + pageSize < files.size()) {
            // As a mirror does that copies the public hub's own address.
            exchange.getResponseHeaders().set("Link", "<https://huggingface.co"
                    + exchange.getRequestURI().getPath() + "?recursive=true&cursor="
                    + (from + pageSize) + ">; rel=\"next\"");
        }
        json(exchange, entries);
    }

    private static Map<String, Object> entry(String path, byte[] content) {
        Map<String, Object> entry = new LinkedHashMap<>(Map.of("type", "file", "path", path,
                "size", content.length, "oid", gitBlob(content)));
        if (isLarge(path)) {
            entry.put("lfs", Map.of("oid", sha256(content), "size", content.length,
                    "pointerSize", 134));
        }
        return entry;
    }

    private static boolean isLarge(String path) {
        return path.endsWith(".gguf") || path.endsWith(".safetensors") || path.endsWith(".bin");
    }

    private void resolve(HttpExchange exchange, Seen request, Repository repository,
            String commit, String path) throws IOException {
        byte[] content = repository.commits.get(commit).get(path);
        if (requiredToken != null && !("Bearer " + requiredToken).equals(request.authorization())) {
            refuse(exchange, request.authorization() == null ? 401 : 403, "GatedRepo");
        } else if (content == null) {
            refuse(exchange, 404, "EntryNotFound");
        } else if (isLarge(path)) {
            storage.putIfAbsent(sha256(content), content);
            Headers headers = exchange.getResponseHeaders();
            headers.set("X-Repo-Commit", commit);
            headers.set("X-Linked-ETag", linkedTag.apply("\"" + sha256(content) + "\""));
            headers.set("X-Linked-Size", String.valueOf(content.length));
            headers.set("Location", "http://127.0.0.1:" + store.getAddress().getPort() + "/"
                    + sha256(content) + "?signature=" + hubSeen.size());
            exchange.sendResponseHeaders(302, -1);
        } else {
            send(exchange, request, content, "\"" + gitBlob(content) + "\"");
        }
    }

    private void deliver(HttpExchange exchange) throws IOException {
        Seen request = seen(exchange);
        storageSeen.add(request);
        String key = exchange.getRequestURI().getPath().substring(1);
        send(exchange, request, storage.get(key), tags.getOrDefault(key, "\"" + key + "\""));
    }

    private void send(HttpExchange exchange, Seen request, byte[] whole, String tag)
            throws IOException {
        Mischief trick = faults.next(request);
        if (trick == Mischief.BUSY) {
            exchange.sendResponseHeaders(503, -1);
            return;
        }
        byte[] content = trick == Mischief.SPOIL ? spoiled(whole) : whole;
        Matcher range = RANGE.matcher(request.range() == null ? "" : request.range());
        boolean stale = request.ifRange() != null && !request.ifRange().equals(tag);
        boolean partial = range.matches() && !stale && trick != Mischief.IGNORE_RANGE;
        int start = partial ? Integer.parseInt(range.group(1)) : 0;
        int end = partial && !range.group(2).isEmpty()
                ? Math.min(content.length, Integer.parseInt(range.group(2)) + 1)
                : content.length;
        exchange.getResponseHeaders().set("ETag", tag);
        if (partial && start >= content.length) {
            exchange.getResponseHeaders().set("Content-Range", "bytes */" + content.length);
            exchange.sendResponseHeaders(416, -1);
            return;
        }
        if (partial) {
            int claimed = trick == Mischief.WRONG_RANGE ? start + 1 : start;
            exchange.getResponseHeaders().set("Content-Range", "bytes " + claimed + "-"
                    + (end - 1) + "/" + content.length);
        }
        int length = end - start;
        exchange.sendResponseHeaders(partial ? 206 : 200, length == 0 ? -1 : length);
        boolean half = trick == Mischief.BREAK_OFF || trick == Mischief.STALL;
        exchange.getResponseBody().write(content, start, half ? length / 2 : length);
        exchange.getResponseBody().flush();
        if (trick == Mischief.STALL) {
            sleepUntilGivenUp();
        }
    }

    private static byte[] spoiled(byte[] content) {
        byte[] copy = content.clone();
        for (int i = 0; i < copy.length; i += 1000) {
            copy[i] ^= 1;
        }
        return copy;
    }

    private static void sleepUntilGivenUp() {
        try {
            Thread.sleep(60_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void refuse(HttpExchange exchange, int status, String code)
            throws IOException {
        exchange.getResponseHeaders().set("X-Error-Code", code);
        exchange.sendResponseHeaders(status, -1);
    }

    private static void json(HttpExchange exchange, Object value) throws IOException {
        byte[] body = JsonMapper.shared().writeValueAsBytes(value);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
    }

    /** Of arrays that nobody changes; computed once for each. */
    static String sha256(byte[] content) {
        synchronized (HASHES) {
            return HASHES.computeIfAbsent(content, array -> hex("SHA-256", array));
        }
    }

    private static String gitBlob(byte[] content) {
        byte[] start = ("blob " + content.length + "\0").getBytes(UTF_8);
        byte[] blob = new byte[start.length + content.length];
        System.arraycopy(start, 0, blob, 0, start.length);
        System.arraycopy(content, 0, blob, start.length, content.length);
        return hex("SHA-1", blob);
    }

    private static String hex(String algorithm, byte[] content) {
        return HexFormat.of().formatHex(
                new ContentDigest(algorithm, "").start().digest(content));
    }

    @Override
    public void close() {
        hub.stop(0);
        store.stop(0);
    }
}

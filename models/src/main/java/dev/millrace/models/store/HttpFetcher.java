package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.ProxySelector;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLException;

/**
 * Gets things over HTTP: follows redirects without taking credentials to another host, and says in
 * a user's words why something cannot be had.
 */
final class HttpFetcher implements AutoCloseable {

    static final int MAX_REDIRECTS = 5;

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(20);
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(60);

    private static final Set<Integer> RETRIED_STATUSES = Set.of(408, 425, 429, 500, 502, 503, 504);

    private final ProxySelector proxies;
    private HttpClient client; // null until something is wanted

    HttpFetcher(ProxySelector proxies) {
        this.proxies = proxies;
    }

    /** Made when it is first needed: reading all certificates takes longer than finding a file. */
    private synchronized HttpClient client() {
        if (client == null) {
            client = HttpClient.newBuilder()
                    .connectTimeout(CONNECT_TIMEOUT)
                    .followRedirects(HttpClient.Redirect.NEVER)
                    .version(HttpClient.Version.HTTP_1_1)
                    .proxy(proxies)
                    .build();
        }
        return client;
    }

    /** A whole answer. */
    record Answer(byte[] body, HttpHeaders headers) {}

    /** The whole body of a small answer; a body of {@code maxBytes} and more is refused. */
    byte[] fetch(RemoteFile file, String accept, int maxBytes) throws InterruptedException {
        try {
            return fetchOnce(file, accept, maxBytes).body();
        } catch (IOException e) {
            throw unreachable(file.uri(), e);
        }
    }

    /** A small answer; tried once. */
    Answer fetchOnce(RemoteFile file, String accept, int maxBytes)
            throws IOException, InterruptedException {
        HttpResponse<InputStream> response = open(file, Map.of("Accept", accept));
        try (InputStream body = response.body();
                StallGuard guard = new StallGuard(body, ANSWER_TIMEOUT)) {
            byte[] bytes = body.readNBytes(maxBytes);
            if (bytes.length == maxBytes) {
                throw new ModelException(file.uri() + " answers with more than " + maxBytes
                        + " bytes where a short description of " + file.label() + " was expected");
            }
            guard.progress();
            return new Answer(bytes, response.headers());
        }
    }

    /**
     * Sends the request and follows redirects.
     *
     * @return an answer of status 200, 206 or 416; the caller closes its body
     * @throws IOException    if trying again may help: no connection, or the server is overloaded
     * @throws ModelException if the server refuses for good
     */
    HttpResponse<InputStream> open(RemoteFile file, Map<String, String> headers)
            throws IOException, InterruptedException {
        URI uri = file.uri();
        for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                    .timeout(ANSWER_TIMEOUT)
                    .header("User-Agent", "millrace");
            headers.forEach(request::header);
            if (sameOrigin(uri, file.uri())) {
                file.authorization().ifPresent(value -> request.header("Authorization", value));
            }
            HttpResponse<InputStream> response = client().send(request.build(),
                    HttpResponse.BodyHandlers.ofInputStream());
            int status = response.statusCode();
            if (status == 200 || status == 206 || status == 416) {
                return response;
            }
            response.body().close();
            if (status < 300 || status >= 400) {
                throw refusal(file, uri, response);
            }
            requireLinked(file, response.headers());
            uri = redirected(uri, response.headers().firstValue("Location"));
        }
        throw new ModelException(file.uri() + " redirects more than " + MAX_REDIRECTS + " times");
    }

    private static boolean sameOrigin(URI left, URI right) {
        return left.getScheme().equals(right.getScheme())
                && left.getAuthority().equals(right.getAuthority());
    }

    private static URI redirected(URI from, Optional<String> location) throws IOException {
        try {
            URI target = from.resolve(location.orElseThrow(
                    () -> new IOException(from + " redirects to nowhere")));
            boolean downgrade = "https".equals(from.getScheme());
            if ("https".equals(target.getScheme())
                    || "http".equals(target.getScheme()) && !downgrade) {
                return target;
            }
            throw new ModelException(from + " redirects to " + target
                    + ", which is not https; refused");
        } catch (IllegalArgumentException e) {
            throw new IOException(from + " redirects to something that is not an address", e);
        }
    }

    /** Where a redirect tells the hash of what it leads to, and it is another: goes no further. */
    private static void requireLinked(RemoteFile file, HttpHeaders headers) {
        Optional<String> linked = headers.firstValue("X-Linked-ETag")
                .map(tag -> tag.replaceFirst("^W/", "").replace("\"", "").toLowerCase(Locale.ROOT))
                .filter(tag -> tag.matches("[0-9a-f]{64}"));
        if (linked.isPresent() && file.digest().isPresent()
                && file.digest().get().algorithm().equals(ContentDigest.SHA_256)
                && !file.digest().get().hex().equals(linked.get())) {
            throw new ModelException(file.label() + " has changed: " + file.uri().getHost()
                    + " now has one of SHA-256 " + linked.get() + " instead of "
                    + file.digest().get().hex() + "; run the same command again");
        }
    }

    private static ModelException refusal(RemoteFile file, URI uri, HttpResponse<?> response)
            throws IOException {
        int status = response.statusCode();
        if (RETRIED_STATUSES.contains(status)) {
            throw new BusyException(uri.getHost() + " is busy or broken (HTTP " + status + ")",
                    response.headers().firstValue("Retry-After"));
        }
        Optional<ModelException> known = file.refusals().explain(file, uri, status,
                response.headers());
        return known.orElseGet(() -> new ModelException(status == 404 || status == 410
                ? uri.getHost() + " has no " + file.label() + " (HTTP " + status + " for " + uri
                        + "); check the reference"
                : uri.getHost() + " does not deliver " + file.label() + " (HTTP " + status
                        + " for " + uri + ")"));
    }

    /** Says what a failed connection means for the user. */
    static ModelException unreachable(URI uri, IOException cause) {
        return new ModelException("cannot get " + uri + ": " + reason(cause)
                + "; check the network, or set HTTPS_PROXY if one is needed, and run the same"
                + " command again", cause);
    }

    /** Whether nobody was there at all, so that trying again at once is pointless. */
    static boolean isNobodyThere(IOException failure) {
        return failure instanceof ConnectException || failure instanceof UnknownHostException;
    }

    static String reason(IOException failure) {
        return switch (failure) {
            case UnknownHostException e -> "its name does not resolve";
            case HttpConnectTimeoutException e -> "no connection within "
                    + CONNECT_TIMEOUT.toSeconds() + " s";
            case HttpTimeoutException e -> "no answer within " + ANSWER_TIMEOUT.toSeconds() + " s";
            case ConnectException e when hasCause(e, UnresolvedAddressException.class) ->
                "its name does not resolve";
            case ConnectException e -> "nobody accepts connections there";
            case SSLException e -> "TLS failed: " + e.getMessage();
            default -> FileProblems.describe(failure);
        };
    }

    private static boolean hasCause(Throwable failure, Class<? extends Throwable> type) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public synchronized void close() {
        if (client != null) {
            client.close();
        }
    }
}

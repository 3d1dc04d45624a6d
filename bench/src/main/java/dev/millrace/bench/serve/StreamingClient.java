package dev.millrace.bench.serve;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Asks a server for completions as a stream and notes when each piece arrives. */
final class StreamingClient implements AutoCloseable {

    private static final String DATA = "data:";
    private static final String LAST = "[DONE]";
    private static final int SHOWN_CHARACTERS = 200;

    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(10)).build();
    private final URI completions;
    private final String model;
    private final Duration timeout;

    /**
     * @param baseUrl as a client of OpenAI's API has it, with {@code /v1} or without
     * @param model   its name in requests
     * @param timeout of a whole answer
     */
    StreamingClient(String baseUrl, String model, Duration timeout) {
        String base = baseUrl.replaceFirst("/+$", "").replaceFirst("/v1$", "");
        try {
            completions = URI.create(base + "/v1/completions");
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("\"" + baseUrl + "\" is no URL: " + e.getMessage(),
                    e);
        }
        if (completions.getScheme() == null || completions.getHost() == null) {
            throw new IllegalArgumentException("\"" + baseUrl
                    + "\" is no URL of a server, such as http://127.0.0.1:8080");
        }
        this.model = model;
        this.timeout = timeout;
    }

    URI url() {
        return completions;
    }

    /**
     * Sends a request and waits for its whole answer; never throws for what the server does.
     *
     * @param salt       only requests of the same one share what was computed before; null for any
     * @param startNanos of the run, on {@link System#nanoTime}
     * @param dueNanos   after that
     */
    Answered complete(int[] prompt, int outputTokens, String salt, long startNanos,
            long dueNanos) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(completions).timeout(timeout)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body(prompt, outputTokens, salt)))
                .build();
        try {
            HttpResponse<Stream<String>> response = http.send(request,
                    HttpResponse.BodyHandlers.ofLines());
            try (Stream<String> lines = response.body()) {
                if (response.statusCode() != 200) {
                    return Answered.failed(dueNanos, System.nanoTime() - startNanos, "HTTP "
                            + response.statusCode() + ": " + shown(String.join(" ",
                                    lines.toList())));
                }
                return new Pieces(startNanos, dueNanos, outputTokens).read(lines.iterator());
            }
        } catch (IOException | JacksonException | UncheckedIOException e) {
            return Answered.failed(dueNanos, System.nanoTime() - startNanos,
                    e.getClass().getSimpleName() + (e.getMessage() == null
                            ? ""
                            : ": " + shown(e.getMessage())));
        }
    }

    private String body(int[] prompt, int outputTokens, String salt) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("model", model);
        body.put("prompt", prompt);
        body.put("max_tokens", outputTokens);
        body.put("temperature", 0);
        body.put("ignore_eos", true);
        body.put("stream", true);
        body.put("stream_options", Map.of("include_usage", true));
        if (salt != null) {
            body.put("cache_salt", salt);
        }
        return JsonMapper.shared().writeValueAsString(body);
    }

    private static String shown(String text) {
        return text.length() <= SHOWN_CHARACTERS
                ? text
                : text.substring(0, SHOWN_CHARACTERS) + "...";
    }

    @Override
    public void close() {
        http.close();
    }

    /** One answer as it comes in. */
    private static final class Pieces {
        private final long startNanos;
        private final long dueNanos;
        private final long[] arrivals;
        private int pieces;
        private long lastNanos;
        private int tokens;
        private int promptTokens;
        private int cachedTokens;
        private double costUsd = Double.NaN;
        private boolean ended;

        Pieces(long startNanos, long dueNanos, int outputTokens) {
            this.startNanos = startNanos;
            this.dueNanos = dueNanos;
            arrivals = new long[outputTokens];
        }

        Answered read(Iterator<String> lines) {
            while (lines.hasNext()) {
                String line = lines.next();
                if (line.startsWith(DATA)) {
                    String data = line.substring(DATA.length()).strip();
                    if (data.equals(LAST)) {
                        ended = true;
                    } else {
                        JsonNode event = JsonMapper.shared().readTree(data);
                        if (event.has("error")) {
                            return Answered.failed(dueNanos, now(), shown(data));
                        }
                        take(event);
                    }
                }
            }
            if (!ended || lastNanos == 0) {
                return Answered.failed(dueNanos, now(),
                        "the stream ended early, after " + pieces + " pieces");
            }
            long[] gaps = new long[Math.max(0, pieces - 1)];
            for (int i = 0; i < gaps.length; i++) {
                gaps[i] = arrivals[i + 1] - arrivals[i];
            }
            return new Answered(dueNanos, pieces == 0 ? lastNanos : arrivals[0], lastNanos,
                    tokens > 0 ? tokens : pieces, promptTokens, cachedTokens, gaps, costUsd,
                    null);
        }

        private long now() {
            return System.nanoTime() - startNanos;
        }

        private void take(JsonNode event) {
            JsonNode usage = event.path("usage");
            if (usage.isObject()) {
                tokens = usage.path("completion_tokens").asInt(tokens);
                promptTokens = usage.path("prompt_tokens").asInt(promptTokens);
                cachedTokens = usage.path("prompt_tokens_details").path("cached_tokens")
                        .asInt(cachedTokens);
                costUsd = usage.path("cost").asDouble(costUsd);
            }
            JsonNode choice = event.path("choices").path(0);
            if (choice.isObject()) {
                lastNanos = now();
                // The one that says why the answer ended brings no token.
                if (choice.path("finish_reason").isNull() && pieces < arrivals.length) {
                    arrivals[pieces++] = lastNanos;
                }
            }
        }
    }
}

package dev.millrace.bench.serve;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server that answers as it was told to, for what measures servers. */
final class StreamingServer implements AutoCloseable {

    /** Writes the answer to a request. */
    interface Answer {
        void write(JsonNode request, HttpExchange exchange) throws IOException;
    }

    final AtomicInteger running = new AtomicInteger();
    final AtomicInteger mostRunning = new AtomicInteger();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpServer server;

    StreamingServer(Answer answer) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
        server.setExecutor(threads);
        server.createContext("/v1/completions", exchange -> {
            mostRunning.accumulateAndGet(running.incrementAndGet(), Math::max);
            try (exchange) {
                answer.write(JsonMapper.shared().readTree(exchange.getRequestBody()), exchange);
            } finally {
                running.decrementAndGet();
            }
        });
        server.start();
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    /** Streams a token at a time, waiting before each. */
    static Answer tokens(long waitMillis) {
        return (request, exchange) -> {
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            int count = request.path("max_tokens").asInt();
            for (int i = 0; i < count; i++) {
                pause(waitMillis);
                event(out, "{\"choices\":[{\"text\":\"a\",\"finish_reason\":null}]}");
            }
            event(out, "{\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}");
            event(out, "{\"choices\":[],\"usage\":{\"completion_tokens\":" + count
                    + ",\"cost\":0.5}}");
            event(out, "[DONE]");
        };
    }

    static void event(OutputStream out, String data) throws IOException {
        out.write(("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.close();
    }
}

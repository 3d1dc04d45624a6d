package dev.millrace.server.budgets;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;

/** A web server on this machine that remembers what it got, and answers as it was told to. */
final class WebhookReceiver implements AutoCloseable {

    private final HttpServer server;
    private final BlockingQueue<Delivery> got = new LinkedBlockingQueue<>();
    private final BlockingQueue<Integer> answers = new LinkedBlockingQueue<>();

    record Delivery(Headers headers, String body) {

        String header(String name) {
            return headers.getFirst(name);
        }
    }

    /** @param answers statuses, in this order; 204 after them */
    static WebhookReceiver http(int... answers) throws IOException {
        return new WebhookReceiver(HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0),
                answers);
    }

    static WebhookReceiver https(SSLContext context) throws IOException {
        HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        return new WebhookReceiver(server);
    }

    private WebhookReceiver(HttpServer server, int... statuses) {
        this.server = server;
        for (int status : statuses) {
            answers.add(status);
        }
        server.createContext("/", exchange -> {
            got.add(new Delivery(exchange.getRequestHeaders(), new String(
                    exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
            Integer status = answers.poll();
            exchange.getResponseHeaders().add("Location", "/elsewhere");
            exchange.sendResponseHeaders(status == null ? 204 : status, -1);
            exchange.close();
        });
        server.start();
    }

    int port() {
        return server.getAddress().getPort();
    }

    Delivery next() throws InterruptedException {
        Delivery delivery = got.poll(100, TimeUnit.SECONDS);
        if (delivery == null) {
            throw new AssertionError("nothing came");
        }
        return delivery;
    }

    boolean gotNothing() {
        return got.isEmpty();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}

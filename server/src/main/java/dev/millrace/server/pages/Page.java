package dev.millrace.server.pages;

import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A page that is complete in itself: markup, style and script are resources of this package and are
 * sent as one document. The browser runs that style and that script and nothing else: the content
 * security policy has their hashes, and lets the script talk to this server alone.
 */
public final class Page {

    private static final String STYLE = "<!-- style -->";
    private static final String SCRIPT = "<!-- script -->";

    private final byte[] document;
    private final String policy;

    private Page(byte[] document, String policy) {
        this.document = document;
        this.policy = policy;
    }

    /** The page to talk to models. */
    public static Page chat() {
        return of("chat.html", "chat.css", "markdown.js", "chat.js");
    }

    /** The page about money. */
    public static Page dashboard() {
        return of("dashboard.html", "dashboard.css", "dashboard.js");
    }

    /** @param scripts in the order in which they run */
    private static Page of(String markup, String style, String... scripts) {
        String css = read(style);
        String js = Arrays.stream(scripts).map(Page::read).collect(Collectors.joining("\n"));
        if (js.contains("</script") || css.contains("</style")) {
            throw new IllegalStateException(markup + " would end before its end");
        }
        String document = read(markup).replace(STYLE, "<style>" + css + "</style>")
                .replace(SCRIPT, "<script>" + js + "</script>");
        return new Page(document.getBytes(StandardCharsets.UTF_8), String.join("; ",
                List.of("default-src 'none'", "script-src " + hash(js), "style-src " + hash(css),
                        "connect-src 'self'", "img-src data:", "base-uri 'none'",
                        "form-action 'none'", "frame-ancestors 'none'")));
    }

    private static String read(String resource) {
        try (InputStream stream = Page.class.getResourceAsStream(resource)) {
            if (stream == null) {
                throw new IllegalStateException("the program lacks its resource " + resource);
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the resource " + resource, e);
        }
    }

    private static String hash(String text) {
        try {
            return "'sha256-" + Base64.getEncoder().encodeToString(MessageDigest
                    .getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8))) + "'";
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    /** Serves it to anybody: it holds nothing, and asks for a key where the server does. */
    public void register(RoutesConfig routes, String path) {
        routes.get(path, this::send, RouteAccess.ANYBODY);
    }

    private void send(Context context) {
        context.header("Content-Security-Policy", policy).header("Cache-Control", "no-cache")
                .header("X-Content-Type-Options", "nosniff").header("X-Frame-Options", "DENY")
                .header("Referrer-Policy", "no-referrer")
                .header("Cross-Origin-Opener-Policy", "same-origin")
                .contentType("text/html; charset=utf-8").result(document);
    }
}

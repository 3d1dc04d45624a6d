package dev.millrace.server.pages;

import dev.millrace.server.fixtures.LiveServer;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class PageTest {

    @Test
    void isCompleteAndRunsNothingButItself() throws Exception {
        try (LiveServer server = LiveServer.saying("ok")) {
            HttpResponse<String> page = server.get("/");

            assertThat(page.statusCode()).isEqualTo(200);
            assertThat(page.headers().firstValue("content-type"))
                    .contains("text/html;charset=utf-8");
            String policy = page.headers().firstValue("content-security-policy").orElseThrow();
            assertThat(policy).startsWith("default-src 'none'; ").doesNotContain("unsafe")
                    .contains("frame-ancestors 'none'", "connect-src 'self'");
            for (String tag : new String[]{"style", "script"}) {
                assertThat(policy).contains(tag + "-src '" + hash(inside(tag, page.body())) + "'");
            }
            assertThat(page.body()).doesNotContain("<!-- style -->", "<!-- script -->", "innerHTML",
                    "<link rel=\"stylesheet\"", "src=\"http");
        }
    }

    private static String inside(String tag, String body) {
        Matcher matcher = Pattern.compile("<" + tag + ">(.*)</" + tag + ">", Pattern.DOTALL)
                .matcher(body);
        assertThat(matcher.find()).isTrue();
        return matcher.group(1);
    }

    private static String hash(String text) throws Exception {
        return "sha256-" + Base64.getEncoder().encodeToString(MessageDigest.getInstance("SHA-256")
                .digest(text.getBytes(StandardCharsets.UTF_8)));
    }
}

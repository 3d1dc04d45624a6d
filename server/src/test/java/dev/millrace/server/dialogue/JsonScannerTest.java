package dev.millrace.server.dialogue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/** The scanner takes for an object what a JSON library does. */
class JsonScannerTest {

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    private static final String[] PARTS = {"{", "}", "[", "]", "\"a\"", "\"\\u00e9\\n\"", ":", ",",
        "1", "-0", "0.5", "2e-7", "1.", "01", "-", "true", "null", "tru", "\"", "\\", " ", "\n",
        "\"b\":", "{\"c\":[1,{}]}", "\t", "e5", "\u0001"};

    private static boolean scans(String text) {
        JsonScanner scanner = new JsonScanner();
        for (int i = 0; i < text.length(); i++) {
            switch (scanner.accept(text.charAt(i))) {
                case WRONG -> {
                    return false;
                }
                case END -> {
                    return i == text.length() - 1;
                }
                default -> {
                }
            }
        }
        return false;
    }

    private static boolean parses(String text) {
        try {
            return JSON.readTree(text).isObject() && text.startsWith("{") && text.endsWith("}");
        } catch (JacksonException e) {
            return false;
        }
    }

    @Test
    void agreesWithAParser() {
        Random random = new Random(3);
        int objects = 0;
        for (int round = 0; round < 15_000; round++) {
            StringBuilder text = new StringBuilder("{\"k\":");
            for (int part = random.nextInt(6); part >= 0; part--) {
                text.append(PARTS[random.nextInt(PARTS.length)]);
            }
            text.append('}');
            boolean parsed = parses(text.toString());
            objects += parsed ? 1 : 0;

            assertThat(scans(text.toString())).as(text.toString()).isEqualTo(parsed);
        }
        assertThat(objects).isGreaterThan(150);
    }

    @Test
    void depthIsLimited() {
        assertThat(scans("{\"a\":" + "[".repeat(50) + "]".repeat(50) + "}")).isTrue();
        assertThat(scans("{\"a\":" + "[".repeat(500) + "]".repeat(500) + "}")).isFalse();
    }
}

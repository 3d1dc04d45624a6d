package dev.millrace.models.template;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Every construct does what Jinja2 does. The first line of {@code jinja-expressions.jsonl} is a
 * context; each other line is a template of ours and what Jinja2 3.1.6 made of it on Python 3.11
 * with the settings of transformers (trim_blocks, lstrip_blocks, the immutable sandbox, loop
 * controls, its {@code tojson}, {@code raise_exception} and {@code strftime_now}): text or error.
 */
class JinjaSemanticsTest {

    /** When Jinja2 was asked. */
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-07-04T15:06:07.089Z"),
            ZoneOffset.UTC);

    @Test
    void everyConstructDoesWhatJinjaDoes() throws IOException {
        List<Map<String, Object>> lines = lines();
        Map<String, Object> context = object(lines.removeFirst().get("context"));
        List<String> failures = new ArrayList<>();
        for (Map<String, Object> line : lines) {
            String template = (String) line.get("template");
            String expected = (String) line.get("expected");
            String rendered = renderedOrNull(template, context);
            if (expected == null ? rendered != null : !expected.equals(rendered)) {
                failures.add(template + "\n  expected "
                        + (expected == null ? line.get("error") : expected)
                        + "\n  got      " + rendered);
            }
        }

        assertThat(lines).hasSizeGreaterThan(1000);
        assertThat(failures).isEmpty();
    }

    private static String renderedOrNull(String template, Map<String, Object> context) {
        try {
            return Rendered.text(ChatTemplate.compile(template, CLOCK), context);
        } catch (TemplateException e) {
            return null;
        }
    }

    private static List<Map<String, Object>> lines() throws IOException {
        JsonMapper json = new JsonMapper();
        List<Map<String, Object>> lines = new ArrayList<>();
        try (InputStream resource = JinjaSemanticsTest.class
                .getResourceAsStream("jinja-expressions.jsonl");
                BufferedReader reader = new BufferedReader(
                        new InputStreamReader(resource, StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(json.readValue(line, new TypeReference<Map<String, Object>>() {}));
            }
        }
        return lines;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object json) {
        return (Map<String, Object>) json;
    }
}

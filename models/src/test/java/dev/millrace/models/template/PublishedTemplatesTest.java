package dev.millrace.models.template;

import dev.millrace.models.text.TextSpan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/** Templates of published models render as Jinja2 renders them, byte for byte. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class PublishedTemplatesTest {

    /** Cases of the corpus that match, of 427: may rise, must not fall. */
    private static final int MATCHING_CASES = 427;

    /** The days on which the expected texts were made: some templates print them. */
    private static final Clock CORPUS_DAY = noon("2026-07-04");
    private static final Clock GOLDENS_DAY = noon("2024-07-04");

    private static final JsonMapper JSON = new JsonMapper();

    private static Clock noon(String day) {
        return Clock.fixed(Instant.parse(day + "T12:00:00Z"), ZoneOffset.UTC);
    }

    private static Path templates() {
        return Path.of(System.getenv("MILLRACE_TEST_DATA"), "templates");
    }

    @Test
    void theCorpusRendersAsWithJinja() throws IOException {
        List<?> corpus = JSON.readValue(templates().resolve("jinja_corpus.json").toFile(),
                List.class);
        List<String> failures = new ArrayList<>();
        int cases = 0;
        for (Object entry : corpus) {
            Map<String, Object> model = object(entry);
            String template = (String) object(model.get("template")).get("template");
            for (Object entryOfModel : (List<?>) model.get("cases")) {
                cases++;
                Map<String, Object> oneCase = object(entryOfModel);
                String rendered = renderedOrError(template, object(oneCase.get("context")));
                String expected = oneCase.containsKey("error")
                        ? "error"
                        : "text: " + oneCase.get("expected");
                if (!rendered.equals(expected)) {
                    failures.add(model.get("name") + " " + oneCase.get("case") + "\n  expected "
                            + expected
                            + "\n  got      " + rendered);
                }
            }
        }
        failures.forEach(System.out::println);
        System.out.printf("chat template corpus: %d of %d cases match%n", cases - failures.size(),
                cases);
        assertThat(cases).isEqualTo(427);
        assertThat(cases - failures.size()).isGreaterThanOrEqualTo(MATCHING_CASES);
    }

    private static String renderedOrError(String template, Map<String, Object> context) {
        try {
            return "text: " + joined(ChatTemplate.compile(template, CORPUS_DAY).render(context));
        } catch (TemplateException e) {
            return "error";
        }
    }

    @TestFactory
    Stream<DynamicTest> everyGoldenRendersByteForByte() throws IOException {
        try (Stream<Path> models = Files.list(templates().resolve("goldens"))) {
            return models.sorted().toList().stream().flatMap(PublishedTemplatesTest::goldens);
        }
    }

    private static Stream<DynamicTest> goldens(Path model) {
        try (Stream<Path> cases = Files.list(model.resolve("cases"))) {
            return cases.sorted().toList().stream()
                    .map(file -> DynamicTest.dynamicTest(
                            model.getFileName() + " " + file.getFileName(),
                            () -> assertGolden(model, file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void assertGolden(Path model, Path file) throws IOException {
        Map<String, Object> golden = object(JSON.readValue(file.toFile(), Map.class));
        Map<String, Object> config = object(
                JSON.readValue(model.resolve("tokenizer_config.json").toFile(), Map.class));
        String expected = Files.readString(
                model.resolve("expected")
                        .resolve(file.getFileName().toString().replace(".json", ".txt")));

        Map<String, Object> context = new HashMap<>(object(golden.get("input")));
        for (String token : List.of("bos_token", "eos_token", "unk_token", "pad_token")) {
            Object value = config.get(token);
            if (value != null) {
                context.put(token, value instanceof Map<?, ?> added ? added.get("content") : value);
            }
        }
        ChatTemplate template = ChatTemplate
                .compile(template(model, config, golden.get("template_name")), GOLDENS_DAY);

        assertThat(joined(template.render(context))).isEqualTo(expected);
    }

    /** The template of that name, or the default one, in the configuration or in its own file. */
    private static String template(Path model, Map<String, Object> config, Object name)
            throws IOException {
        Object template = config.get("chat_template");
        if (template == null) {
            return Files.readString(model.resolve("chat_template.jinja"));
        }
        if (template instanceof String single) {
            return single;
        }
        return ((List<?>) template).stream().map(PublishedTemplatesTest::object)
                .filter(choice -> choice.get("name").equals(name == null ? "default" : name))
                .map(choice -> (String) choice.get("template")).findFirst().orElseThrow();
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object json) {
        return (Map<String, Object>) json;
    }

    private static String joined(List<TextSpan> spans) {
        return spans.stream().map(TextSpan::text).collect(Collectors.joining());
    }
}

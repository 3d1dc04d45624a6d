package dev.millrace.server.dialogue;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.TextSpan;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/** Published templates: which calls they speak of, and that conversations with calls fit them. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class TemplateSpellingTest {

    private static final Clock CORPUS_DAY = Clock.fixed(Instant.parse("2026-07-04T12:00:00Z"),
            ZoneOffset.UTC);
    private static final JsonMapper JSON = new JsonMapper();
    private static final Map<String, Map<String, Object>> MODELS = new HashMap<>();
    private static final Map<String, TurnFormat> FORMATS = new HashMap<>();
    /** Wants variables that only its makers' own server sets, without tools too. */
    private static final String FUSSY = "llamacpp/fireworks-ai-llama-3-firefunction-v2";

    @BeforeAll
    static void read() throws IOException {
        Path data = Path.of(System.getenv("MILLRACE_TEST_DATA"), "templates");
        for (Object model : JSON.readValue(data.resolve("jinja_corpus.json").toFile(),
                List.class)) {
            MODELS.put((String) object(model).get("name"), object(model));
        }
        JsonNode llama = JSON.readTree(data.resolve("goldens/llama-3.1-8b-instruct")
                .resolve("tokenizer_config.json").toFile());
        MODELS.put("llama-3.1", Map.of("template", Map.of("template",
                llama.get("chat_template").stringValue())));
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object value) {
        return (Map<String, Object>) value;
    }

    private static TurnFormat format(String model) {
        return FORMATS.computeIfAbsent(model, TemplateSpellingTest::read);
    }

    private static TurnFormat read(String model) {
        String source = (String) object(MODELS.get(model).get("template")).get("template");
        return new TurnFormat(ChatTemplate.compile(source, CORPUS_DAY), new FakeTokenizer(),
                Optional.empty());
    }

    private static String text(List<TextSpan> spans) {
        return spans.stream().map(TextSpan::text).collect(Collectors.joining());
    }

    @ParameterizedTest
    @CsvSource({"hf/qwen3-0.6b, HERMES", "chuj/qwen2.5-instruct, HERMES", "hf/smollm3-3b, HERMES",
        "llamacpp/NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use, HERMES",
        "llamacpp/Qwen-QwQ-32B, HERMES", "hf/mistral-7b-instruct-v0.3, MISTRAL",
        "llamacpp/Mistral-Small-3.2-24B-Instruct-2506, MISTRAL_ARGS",
        "llamacpp/unsloth-mistral-Devstral-Small-2507, MISTRAL_ARGS",
        "llamacpp/mistralai-Ministral-3-14B-Reasoning-2512, MISTRAL_ARGS",
        "chuj/granite-3.0-instruct, GRANITE", "hf/granite-3.1-8b-instruct, GRANITE",
        "llamacpp/ibm-granite-granite-3.3-2B-Instruct, GRANITE", "llama-3.1, LLAMA",
        "llamacpp/Qwen3-Coder, QWEN_XML", "llamacpp/Qwen3.5-4B, QWEN_XML",
        "llamacpp/StepFun3.5-Flash, QWEN_XML", "llamacpp/llama-cpp-deepseek-r1, DEEPSEEK",
        "llamacpp/deepseek-ai-DeepSeek-R1-Distill-Qwen-32B, DEEPSEEK",
        "llamacpp/deepseek-ai-DeepSeek-V3.1, DEEPSEEK_V31",
        "llamacpp/openai-gpt-oss-120b, HARMONY", "chuj/phi-3, JSON", "chuj/llama-3-instruct, JSON",
        "hf/yi-1.5-9b-chat, JSON"})
    void theTemplateTellsTheFormat(String model, ToolFormat expected) {
        assertThat(format(model).tools()).isEqualTo(expected);
    }

    private static final Map<String, Object> CALL = call("call-with-a-long-id", "get_weather",
            Map.of("city", "Rome"));

    private static Map<String, Object> call(String id, String name, Object arguments) {
        return Map.of("id", id, "type", "function", "function", Map.of("name", name, "arguments",
                arguments));
    }

    private static Map<String, Object> assistant(Object... calls) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", "assistant");
        message.put("content", null);
        message.put("tool_calls", List.of(calls));
        return message;
    }

    private static Map<String, Object> result(String id, String content) {
        return Map.of("role", "tool", "tool_call_id", id, "content", content);
    }

    private static Map<String, Object> user(String content) {
        return Map.of("role", "user", "content", content);
    }

    /** Every template that takes a plain conversation takes one with tools, calls and results. */
    @Test
    void everyTemplateSpellsToolsCallsAndResults() {
        List<Tool> tools = List.of(TurnTexts.tool("get_weather", "{\"type\": \"object\"}"),
                TurnTexts.tool("second_tool", "{\"type\": \"object\"}"));
        List<Map<String, Object>> talk = List.of(user("Weather?"), assistant(CALL, call("b",
                "second_tool", Map.of("deep", List.of(1, "x")))),
                result("call-with-a-long-id", "20 degrees"), result("b", "nothing"));
        List<String> failures = new ArrayList<>();
        for (String model : MODELS.keySet()) {
            if (model.equals(FUSSY)) {
                continue;
            }
            try {
                String prompt = text(format(model).prompt(talk, tools, Map.of()))
                        .replaceAll("\\\\", "");
                for (String part : List.of("get_weather", "Rome", "second_tool", "deep",
                        "20 degrees", "nothing")) {
                    if (!prompt.contains(part)) {
                        failures.add(model + " leaves out " + part + ": " + prompt);
                    }
                }
            } catch (RuntimeException e) {
                failures.add(model + " fails: " + e.getMessage());
            }
        }
        assertThat(failures).isEmpty();
    }

    /** Where the corpus has what transformers renders of a conversation with calls, so do we. */
    @Test
    void callsAreSpelledAsTransformersSpellsThem() {
        int same = 0;
        for (Map<String, Object> model : MODELS.values()) {
            for (Object entry : (List<?>) model.getOrDefault("cases", List.of())) {
                Map<String, Object> context = object(object(entry).get("context"));
                TurnFormat format = format((String) model.get("name"));
                if (!context.containsKey("tools") || object(entry).containsKey("error")
                        || !spellsCalls(format, model)) {
                    continue;
                }
                List<Tool> tools = new ArrayList<>();
                for (Object tool : (List<?>) context.get("tools")) {
                    JsonNode function = JSON.valueToTree(object(tool).get("function"));
                    tools.add(new Tool(function.get("name").stringValue(), function.get(
                            "description").stringValue(), function.get("parameters"), false));
                }
                List<Map<String, Object>> messages = ((List<?>) context.get("messages")).stream()
                        .map(TemplateSpellingTest::object).toList();
                Map<String, Object> more = new HashMap<>(context);
                more.remove("tools");
                assertThat(text(format.prompt(messages, tools, more)))
                        .as(model.get("name") + " " + object(entry).get("case"))
                        .isEqualTo(object(entry).get("expected"));
                same++;
            }
        }
        assertThat(same).isGreaterThanOrEqualTo(28);
    }

    /** Others get their calls and tools spelled out in text, where transformers leaves them out. */
    private static boolean spellsCalls(TurnFormat format, Map<String, Object> model) {
        return format.tools() != ToolFormat.JSON
                && !format.tools().label().startsWith("deepseek")
                && !model.get("name").toString().contains(
                        "granite")
                && !model.get("name").equals("hf/smollm3-3b");
    }

    @ParameterizedTest
    @CsvSource({"hf/qwen3-0.6b, FREE", "llamacpp/Qwen-QwQ-32B, CLOSED",
        "llamacpp/deepseek-ai-DeepSeek-R1-Distill-Qwen-32B, CLOSED",
        "llamacpp/mistralai-Ministral-3-14B-Reasoning-2512, FREE", "hf/smollm3-3b, FREE",
        "chuj/phi-3, CLOSED"})
    void thePromptTellsWhetherAThoughtIsOpen(String model, ThinkingStart expected) {
        TurnFormat format = format(model);

        assertThat(format.start(format.prompt(List.of(user("<think> </think> <think>")),
                List.of(), Map.of()))).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"hf/qwen3-0.6b, false, CLOSED", "hf/qwen3-0.6b, true, FREE",
        "llamacpp/Qwen-QwQ-32B, true, OPENED", "hf/smollm3-3b, false, CLOSED",
        "llamacpp/deepseek-ai-DeepSeek-R1-Distill-Qwen-32B, true, OPENED"})
    void thinkingCanBeTurnedOnAndOff(String model, boolean on, ThinkingStart expected) {
        TurnFormat format = format(model);

        assertThat(format.start(format.prompt(List.of(user("hi")), List.of(),
                Map.of("enable_thinking", on)))).isEqualTo(expected);
    }
}

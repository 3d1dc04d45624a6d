package dev.millrace.models.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

class ChatTemplateTest {

    private static final String CHATML = """
            {%- for message in messages %}
            {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
            {%- endfor %}
            {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
            """;

    @Test
    void aConversationRenders() {
        Map<String, Object> context = Map.of("messages",
                List.of(Map.of("role", "system", "content", "Be terse."),
                        Map.of("role", "user", "content", "Hi")),
                "add_generation_prompt", true);

        assertThat(Rendered.text(CHATML, context)).isEqualTo("""
                <|im_start|>system
                Be terse.<|im_end|>
                <|im_start|>user
                Hi<|im_end|>
                <|im_start|>assistant
                """);
    }

    @Test
    void aTemplateKnowsItsSource() {
        assertThat(ChatTemplate.compile(CHATML).source()).isEqualTo(CHATML);
    }

    @Test
    void theMessageOfRaiseExceptionIsTheTemplatesOwn() {
        ChatTemplate template = ChatTemplate
                .compile("\n{{ raise_exception('Roles must alternate, got ' + role) }}");

        assertThatExceptionOfType(TemplateException.class)
                .isThrownBy(() -> template.render(Map.of("role", "user")))
                .withMessage("Roles must alternate, got user");
    }

    @Test
    void anErrorNamesItsLine() {
        assertRenderingFails("a\n\n{{ 1 + none }}",
                "line 3: unsupported operand type(s) for +: 'int' and 'NoneType'");
        assertRenderingFails("{{ a.b }}\n{{ a.b.c }}", "line 1: 'a' is undefined");
        assertRenderingFails("{% set a = {} %}\n{{ a.b }}\n{{ a.b.c }}",
                "line 3: 'dict object' has no attribute 'b'");
        assertRenderingFails("{% if 1 %}\n{% elif x %}\n{% endif %}{% for a in 5 %}{% endfor %}",
                "line 3: 'int' object is not iterable");
        assertRenderingFails("{% if 0 %}\n{% elif x.y %}\n{% endif %}", "line 2: 'x' is undefined");
    }

    @Test
    void anErrorInAMacroNamesTheMacrosLineAndOneAfterItTheCallers() {
        assertRenderingFails("{% macro m() %}\n{{ 1 + [] }}\n{% endmacro %}\n{{ m() }}",
                "line 2: unsupported operand type(s) for +: 'int' and 'list'");
        assertRenderingFails("{% macro m() %}\n{{ 1 }}\n{% endmacro %}\n{{ m() + 1 }}",
                "line 4: can only concatenate str (not \"int\") to str");
    }

    private static void assertRenderingFails(String template, String message) {
        ChatTemplate compiled = ChatTemplate.compile(template);

        assertThatExceptionOfType(TemplateException.class)
                .isThrownBy(() -> compiled.render(Map.of())).withMessage(message);
    }

    @Test
    void badSyntaxDoesNotCompile() {
        assertCompilingFails("a\n{{ 1 + }}",
                "line 2: expected an expression, got the end of the tag");
        assertCompilingFails("a\n{% if x %}\n",
                "line 2: expected {% elif %} or {% else %} or {% endif %}, "
                        + "got the end of the template");
        assertCompilingFails("{% for a in b %}{% endif %}",
                "line 1: there is no statement named 'endif' "
                        + "here; the block that is open ends with {% else %} or {% endfor %}");
    }

    @Test
    void whatIsNotSupportedDoesNotCompile() {
        assertCompilingFails("{{ a|shout }}", "line 1: there is no filter named 'shout'");
        assertCompilingFails("{{ a is loud }}", "line 1: there is no test named 'loud'");
        assertCompilingFails("\n{{ f(*a) }}", "line 2: arguments with * and ** are not supported");
        assertCompilingFails("{% do a %}", "line 1: there is no statement named 'do' here");
        assertCompilingFails("{% block a %}{% endblock %}",
                "line 1: {% block %} is not supported: a chat template is a single file");
        assertCompilingFails("{{ 9223372036854775808 }}",
                "line 1: the integer 9223372036854775808 does not fit 64 bits");
    }

    private static void assertCompilingFails(String template, String message) {
        assertThatExceptionOfType(TemplateException.class)
                .isThrownBy(() -> ChatTemplate.compile(template)).withMessage(message);
    }

    @Test
    void theClockIsTheCallers() {
        Clock clock = Clock.fixed(Instant.parse("2026-12-31T23:30:00Z"),
                ZoneId.of("Europe/Berlin"));

        assertThat(Rendered.text(ChatTemplate.compile("{{ strftime_now('%d %b %Y') }}", clock),
                Map.of()))
                .isEqualTo("01 Jan 2027");
    }

    @Test
    void everyKindOfParsedJsonIsAContext() {
        String json = """
                {"i": 1, "l": 5000000000, "b": 123456789012345678901234567890, "d": 1.5, "e": 1e3,
                 "t": true, "n": null, "s": "x", "a": [1, [2]], "o": {"k": {"v": []}}}
                """;
        Map<String, Object> context = new JsonMapper().readValue(json,
                new TypeReference<HashMap<String, Object>>() {});
        context.put("decimal", new BigDecimal("2.50"));
        context.put("small", BigInteger.TEN);
        context.put("short", (short) 3);
        context.put("float", 0.5f);

        assertThat(
                Rendered.text("{{ i + l }} {{ b }} {{ d + e }} {{ t }} {{ n }} {{ s }}", context))
                .isEqualTo("5000000001 123456789012345678901234567890 1001.5 True None x");
        assertThat(Rendered.text("{{ a }} {{ o }} {{ decimal }} {{ small + short }} {{ float }}",
                context))
                .isEqualTo("[1, [2]] {'k': {'v': []}} 2.5 13 0.5");
    }

    @Test
    void aContextOfAnythingButDataIsTheCallersMistake() {
        ChatTemplate template = ChatTemplate.compile("x");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> template.render(Map.of("day", LocalDate.EPOCH)))
                .withMessageContaining("java.time.LocalDate under 'day'");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> template.render(Map.of("m", Map.of(1, 2))))
                .withMessageContaining("must be Strings");
        assertThatNullPointerException().isThrownBy(() -> ChatTemplate.compile("x", null));
    }

    @Test
    void renderingChangesNeitherTemplateNorContext() {
        ChatTemplate template = ChatTemplate.compile(
                """
                        {%- set ns = namespace(n=0) %}
                        {%- for m in messages %}{% set ns.n = ns.n + m %}{% endfor %}
                        {{- ns.n }}""");
        Map<String, Object> context = Map.of("messages", IntStream.range(0, 100).boxed().toList());

        List<String> rendered = IntStream.range(0, 500).parallel()
                .mapToObj(i -> Rendered.text(template, context))
                .distinct().toList();

        assertThat(rendered).containsExactly("4950");
    }
}

package dev.millrace.models.template;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/** Whatever a template or a conversation tries ends soon, in a text or a TemplateException. */
class HostileTemplatesTest {

    /** Far above what the limits allow on a busy machine, far below for ever. */
    private static final Duration DEADLINE = Duration.ofSeconds(120);

    /** Half of what the JDK gives a thread. */
    private static final long SMALL_STACK_BYTES = 512 * 1024;

    @ParameterizedTest
    @ValueSource(strings = {"{{ ''.__class__ }}", "{{ ''.getClass }}", "{{ message.getClass }}",
        "{{ message.class }}",
        "{{ x.__init__ }}", "{{ self }}", "{{ ____int3rpr3t3r____ }}", "{{ config }}",
        "{{ messages.hashCode }}",
        "{{ (1).getClass }}", "{{ message['getClass'] }}", "{{ message|attr('getClass') }}",
        "{{ 'a'|attr('__class__') }}", "{{ ['a']|map(attribute='__class__')|list|length - 1 }}"})
    void noMemberOfJavaOrPythonIsReached(String template) {
        String text = Rendered.text(template, context());

        assertThat(text).isIn("", "0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{{ ''.getClass() }}", "{{ ''.__class__.__mro__ }}",
        "{{ message.getClass().forName('x') }}",
        "{{ ''.__class__.__base__.__subclasses__() }}", "{{ message.put('a', 1) }}",
        "{{ messages.add(1) }}",
        "{{ messages.append(1) }}", "{{ message.update({}) }}", "{{ message.pop('role') }}",
        "{{ message.clear() }}", "{{ range.__globals__.x }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format('a') }}", "{{ '{a[0]}'.format(a='a') }}",
        "{% set message.role = 'x' %}",
        "{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{% extends 'x' %}"})
    void nothingCanBeCalledOrChangedBehindTheTemplate(String template) {
        assertThatExceptionOfType(TemplateException.class)
                .isThrownBy(() -> Rendered.text(template, context()));
    }

    @ParameterizedTest
    @MethodSource("endlessTemplates")
    void whatWouldNotEndOrNotFitIsRefused(String template) throws InterruptedException {
        assertThat(failureOnASmallStack(template, context())).isInstanceOf(TemplateException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[", "{'a':", "not ", "-", "a[", "a(", "1 if ", "1 if 1 else ",
        "a|f(", "'a' in ("})
    void deepNestingDoesNotExhaustTheStack(String opening) throws InterruptedException {
        assertThat(
                failureOnASmallStack("{{ " + opening.repeat(100_000 / opening.length()), context()))
                .isInstanceOf(TemplateException.class);
        assertThat(failureOnASmallStack("{{ " + opening.repeat(10_000) + "1", context()))
                .isInstanceOf(TemplateException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{% if 1 %}", "{% for a in [1] %}", "{% set x %}", "{% macro m() %}",
        "{% filter upper %}",
        "{% with %}", "{% call f() %}", "{% generation %}", "{% for (", "{% set ("})
    void deepBlocksDoNotExhaustTheStack(String opening) throws InterruptedException {
        assertThat(failureOnASmallStack(opening.repeat(10_000), context()))
                .isInstanceOf(TemplateException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {" + 1", " - 1", " * 1", " ~ 1", " and 1", " or 1", " == 1", "|string",
        ".a", "[0]", " is odd"})
    void longChainsEitherRenderOrAreRefused(String link) throws InterruptedException {
        Throwable failure = failureOnASmallStack("{{ 1" + link.repeat(20_000) + " }}", context());

        assertThat(failure == null || failure instanceof TemplateException).as("%s", failure)
                .isTrue();
    }

    @Test
    void aNumberWithEndlessDigitsDoesNotCompile() throws InterruptedException {
        assertThat(failureOnASmallStack("{{ " + "1_".repeat(100_000) + "1 }}", context()))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void aTemplateThatIsTooLongDoesNotCompile() {
        assertThatExceptionOfType(TemplateException.class)
                .isThrownBy(() -> ChatTemplate.compile("a".repeat(TemplateLimits.SOURCE_CHARS + 1)))
                .withMessageContaining("the limit is " + TemplateLimits.SOURCE_CHARS);
    }

    @Test
    void manyTagsOnOneLineCompileInLinearTime() throws InterruptedException {
        assertThat(failureOnASmallStack("{% if 1 %}{% endif %} ".repeat(40_000), context()))
                .isNull();
    }

    @Test
    void anOutputIsNotLongerThanItsLimit() throws InterruptedException {
        assertThat(failureOnASmallStack("{% for a in range(9) %}{{ 'a' * 1000000 }}{% endfor %}",
                context()))
                .hasMessageContaining("over the limit of " + TemplateLimits.TEXT_CHARS);
    }

    @Test
    void aContextThatIsTooDeepIsRefused() throws InterruptedException {
        Object nested = List.of();
        for (int i = 0; i < 100_000; i++) {
            nested = List.of(nested);
        }
        assertThat(failureOnASmallStack("{{ x }}", Map.of("x", nested)))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void aContextThatContainsItselfIsRefused() throws InterruptedException {
        Map<String, Object> map = new HashMap<>();
        map.put("self", map);
        List<Object> list = new ArrayList<>();
        list.add(list);

        assertThat(failureOnASmallStack("{{ x }}", map)).isInstanceOf(TemplateException.class);
        assertThat(failureOnASmallStack("{{ x }}", Map.of("x", list)))
                .isInstanceOf(TemplateException.class);
    }

    /** Each of these would run for ever, or build something huge, or recurse without end. */
    private static List<String> endlessTemplates() throws IOException {
        try (InputStream lines = HostileTemplatesTest.class
                .getResourceAsStream("endless-templates.txt")) {
            return new String(lines.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
    }

    private static Map<String, Object> context() {
        Map<String, Object> message = Map.of("role", "user", "content", "hello");
        return Map.of("message", message, "messages", List.of(message), "x", 1, "a", List.of());
    }

    /** What compiling and rendering throws, or null. */
    private static Throwable failureOnASmallStack(String template, Map<String, Object> context)
            throws InterruptedException {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread thread = new Thread(null, () -> Rendered.text(template, context), "template",
                SMALL_STACK_BYTES);
        thread.setDaemon(true);
        thread.setUncaughtExceptionHandler((t, e) -> failure.set(e));
        thread.start();
        assertThat(thread.join(DEADLINE)).as("ends within %s", DEADLINE).isTrue();
        return failure.get();
    }
}

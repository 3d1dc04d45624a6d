package dev.millrace.models.template;

import dev.millrace.models.text.TextSpan;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Short ways to a rendered template, for tests. */
final class Rendered {

    private Rendered() {}

    static String text(String template, Map<String, Object> context) {
        return text(ChatTemplate.compile(template), context);
    }

    static String text(ChatTemplate template, Map<String, Object> context) {
        return template.render(context).stream().map(TextSpan::text).collect(Collectors.joining());
    }

    /** The rendered spans, in guillemets those that are not trusted: {@code trusted«not»}. */
    static String spans(String template, Map<String, Object> context) {
        List<TextSpan> spans = ChatTemplate.compile(template).render(context);
        return spans.stream().map(span -> span.trusted() ? span.text() : "«" + span.text() + "»")
                .collect(Collectors.joining());
    }
}

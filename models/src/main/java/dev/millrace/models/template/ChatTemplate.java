package dev.millrace.models.template;

import dev.millrace.models.text.TextSpan;
import java.util.List;
import java.util.Map;

/** A compiled chat template (the Jinja subset that published models use); thread-safe. */
public interface ChatTemplate {

    /**
     * Renders a conversation.
     *
     * @param context what the template sees ({@code messages}, {@code add_generation_prompt}, ...):
     *                nulls, Booleans, Integers, Longs, Doubles, Strings, Lists and Maps only
     * @return the prompt; text that came from the context's messages is not trusted
     * @throws TemplateException with the template's own message, or what went wrong at which line
     */
    List<TextSpan> render(Map<String, Object> context);

    /** The template's source. */
    String source();
}

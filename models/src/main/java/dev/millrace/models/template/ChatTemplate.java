package dev.millrace.models.template;

import dev.millrace.models.text.TextSpan;
import java.time.Clock;
import java.util.List;
import java.util.Map;

/**
 * A compiled chat template (the Jinja subset that published models use); thread-safe.
 *
 * <p>The language is Jinja 3.1 with the settings of Hugging Face's transformers: {@code
 * trim_blocks}, {@code lstrip_blocks}, loop controls, {@code generation} blocks, an immutable
 * sandbox, no automatic escaping. A template reaches plain data only, never a Java member.
 */
public interface ChatTemplate {

    /**
     * Compiles a template; {@code strftime_now} reads the system's clock.
     *
     * @throws TemplateException with the line, for bad syntax and for what is not supported
     */
    static ChatTemplate compile(String source) {
        return compile(source, Clock.systemDefaultZone());
    }

    /** Compiles a template whose {@code strftime_now} reads the given clock in its zone. */
    static ChatTemplate compile(String source, Clock clock) {
        return CompiledTemplate.of(source, clock);
    }

    /**
     * Renders a conversation.
     *
     * <p>Trusted are the template's own text, numbers, the values of {@code bos_token}, {@code
     * eos_token}, {@code unk_token} and {@code pad_token}, and well-known words under the keys
     * {@code role} and {@code type}; every other text of the context is not.
     *
     * @param context what the template sees ({@code messages}, {@code add_generation_prompt}, ...):
     *                nulls, Booleans, Numbers, Strings, Lists and Maps with String keys only
     * @return the prompt; neighbouring spans differ in trust
     * @throws TemplateException with the template's own message, or what went wrong at which line
     * @throws IllegalArgumentException if the context holds anything but plain data
     */
    List<TextSpan> render(Map<String, Object> context);

    /** The template's source. */
    String source();
}

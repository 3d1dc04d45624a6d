package dev.millrace.models;

import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A conversation as the token ids that a model starts its answer from. */
public final class ChatPrompt {

    private ChatPrompt() {}

    /**
     * Lets the model's own template spell the conversation, up to where the answer begins.
     *
     * @param messages each with {@code role}, {@code content} and what else the template knows
     * @throws dev.millrace.models.template.TemplateException if the template refuses them
     */
    public static int[] encode(ChatTemplate template, Tokenizer tokenizer,
            List<Map<String, Object>> messages) {
        return tokenizer.encode(render(template, tokenizer, messages, Map.of()), true);
    }

    /**
     * The same as text.
     *
     * @param more what else the template sees, such as {@code tools}; plain data
     * @throws dev.millrace.models.template.TemplateException if the template refuses them
     */
    public static List<TextSpan> render(ChatTemplate template, Tokenizer tokenizer,
            List<Map<String, Object>> messages, Map<String, Object> more) {
        Map<String, Object> context = new LinkedHashMap<>(more);
        context.putAll(specialTokens(tokenizer));
        context.put("messages", messages);
        context.put("add_generation_prompt", true);
        return template.render(context);
    }

    /** What templates call the tokens that begin and end a text. */
    public static Map<String, Object> specialTokens(Tokenizer tokenizer) {
        return Map.of("bos_token", piece(tokenizer, tokenizer.startToken()),
                "eos_token", piece(tokenizer, tokenizer.endToken()));
    }

    private static String piece(Tokenizer tokenizer, int token) {
        return token < 0 ? "" : tokenizer.piece(token);
    }
}

package dev.millrace.models;

import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
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
        return tokenizer.encode(template.render(Map.of(
                "messages", messages,
                "add_generation_prompt", true,
                "bos_token", piece(tokenizer, tokenizer.startToken()),
                "eos_token", piece(tokenizer, tokenizer.endToken()))), true);
    }

    private static String piece(Tokenizer tokenizer, int token) {
        return token < 0 ? "" : tokenizer.piece(token);
    }
}

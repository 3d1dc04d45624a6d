package dev.millrace.server.cli;

import dev.millrace.models.Model;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A question to a chat model, as the model's own template puts it. */
final class ChatPrompt {

    private ChatPrompt() {}

    /** @param system a system message, or null */
    static int[] encode(Model model, Tokenizer tokenizer, String system, String question) {
        ChatTemplate template = model.chatTemplate().orElseThrow();
        List<Map<String, Object>> messages = new ArrayList<>();
        if (system != null) {
            messages.add(Map.of("role", "system", "content", system));
        }
        messages.add(Map.of("role", "user", "content", question));
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

package dev.millrace.server.dialogue;

import dev.millrace.models.ChatPrompt;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.template.TemplateException;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which variables of a chat template govern how much the model thinks, found out by letting it
 * spell a question with and without.
 *
 * @param flags  that are true for thinking and false for none
 * @param effort whether {@code reasoning_effort} says how much
 */
record ThinkingSwitches(List<String> flags, boolean effort) {

    private static final List<String> FLAGS = List.of("enable_thinking", "thinking");
    private static final String EFFORT = "reasoning_effort";

    static ThinkingSwitches of(ChatTemplate template, Tokenizer tokenizer) {
        return new ThinkingSwitches(FLAGS.stream()
                .filter(flag -> differs(template, tokenizer, flag, true, false)).toList(),
                differs(template, tokenizer, EFFORT, "low", "high"));
    }

    private static boolean differs(ChatTemplate template, Tokenizer tokenizer, String name,
            Object one, Object other) {
        return template.source().contains(name)
                && !spelled(template, tokenizer, Map.of(name, one))
                        .equals(spelled(template, tokenizer, Map.of(name, other)));
    }

    private static List<TextSpan> spelled(ChatTemplate template, Tokenizer tokenizer,
            Map<String, Object> variables) {
        try {
            return ChatPrompt.render(template, tokenizer,
                    List.of(Map.of("role", "user", "content", "question")), variables);
        } catch (TemplateException e) {
            return List.of(); // it takes no such value
        }
    }

    /** Whether the template can be told not to think. */
    boolean canTurnOff() {
        return !flags.isEmpty();
    }

    /** The variables' values for an effort, {@code none} or more. */
    Map<String, Object> variables(String wanted) {
        Map<String, Object> variables = new LinkedHashMap<>();
        flags.forEach(flag -> variables.put(flag, !wanted.equals("none")));
        if (effort) {
            variables.put(EFFORT, switch (wanted) {
                case "none", "minimal" -> "low";
                case "xhigh", "max" -> "high";
                default -> wanted;
            });
        }
        return variables;
    }
}

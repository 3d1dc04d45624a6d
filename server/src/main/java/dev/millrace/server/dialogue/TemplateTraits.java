package dev.millrace.server.dialogue;

import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.template.TemplateException;
import dev.millrace.models.text.TextSpan;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a chat template can spell, found out by letting it spell small conversations: published
 * templates fail, or leave out silently, whatever their models were not made for.
 *
 * @param system        a system message
 * @param tools         definitions of tools
 * @param calls         an assistant's calls
 * @param severalCalls  several calls in one message
 * @param results       what tools answered
 * @param nullContent   calls without content are null rather than empty
 * @param textArguments arguments are JSON text rather than an object
 */
record TemplateTraits(boolean system, boolean tools, boolean calls, boolean severalCalls,
        boolean results, boolean nullContent, boolean textArguments) {

    private static final String WORD = "probed_";
    private static final Map<String, Object> USER = Map.of("role", "user", "content", "question");
    private static final List<Map<String, Object>> TOOLS = List.of(tool(1), tool(2));

    static TemplateTraits of(ChatTemplate template, Map<String, Object> specialTokens) {
        Probe probe = new Probe(template, specialTokens);
        boolean system = probe.says(List.of(Map.of("role", "system", "content", WORD), USER),
                text -> text.contains(WORD));
        boolean tools = probe.says(List.of(USER), text -> text.contains(name(1)));
        for (boolean nullContent : new boolean[]{false, true}) {
            for (boolean textArguments : new boolean[]{false, true}) {
                if (probe.says(calling(1, nullContent, textArguments), spells(1))) {
                    boolean several = probe.says(calling(2, nullContent, textArguments),
                            spells(1).and(spells(2)));
                    boolean results = probe.says(calling(1, nullContent, textArguments),
                            text -> text.contains(result(1)));
                    return new TemplateTraits(system, tools, true, several, results, nullContent,
                            textArguments);
                }
            }
        }
        boolean results = probe.says(List.of(USER, Map.of("role", "assistant", "content", "calls"),
                Map.of("role", "tool", "content", result(1), "name", name(1), "tool_call_id",
                        id(1))),
                text -> text.contains(result(1)));
        return new TemplateTraits(system, tools, false, false, results, false, false);
    }

    /** This template where the model's calls are none of the template's business. */
    TemplateTraits withoutTools() {
        return new TemplateTraits(system, false, false, false, false, false, false);
    }

    private static Predicate<String> spells(int call) {
        return text -> Stream.of("\"key" + call + "\":", "=key" + call + ">").anyMatch(
                text.replaceAll("\\s", "")::contains);
    }

    private static String name(int tool) {
        return WORD + "tool" + tool;
    }

    /** Mistral's templates want nine letters and digits. */
    private static String id(int call) {
        return "probecal" + call;
    }

    private static String result(int call) {
        return WORD + "result" + call;
    }

    private static Map<String, Object> tool(int number) {
        return Map.of("type", "function", "function", Map.of("name", name(number), "description",
                "probes", "parameters", Map.of("type", "object", "properties", Map.of(
                        "p" + number, Map.of("type", "string", "description", "a parameter")),
                        "required", List.of())));
    }

    private static List<Map<String, Object>> calling(int count, boolean nullContent,
            boolean textArguments) {
        List<Object> calls = new ArrayList<>();
        List<Map<String, Object>> messages = new ArrayList<>(List.of(USER));
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", "assistant");
        message.put("content", nullContent ? null : "");
        message.put("tool_calls", calls);
        messages.add(message);
        for (int call = 1; call <= count; call++) {
            calls.add(Map.of("id", id(call), "type", "function", "function", Map.of("name",
                    name(call), "arguments", textArguments
                            ? "{\"key" + call + "\": 1}"
                            : Map.of("key" + call, 1))));
            messages.add(Map.of("role", "tool", "content", result(call), "name", name(call),
                    "tool_call_id", id(call)));
        }
        return messages;
    }

    /** A template and how to ask it. */
    private record Probe(ChatTemplate template, Map<String, Object> specialTokens) {

        boolean says(List<Map<String, Object>> messages, Predicate<String> wanted) {
            Map<String, Object> context = new LinkedHashMap<>(specialTokens);
            context.put("messages", messages);
            context.put("tools", TOOLS);
            context.put("add_generation_prompt", true);
            try {
                return wanted.test(template.render(context).stream().map(TextSpan::text)
                        .collect(Collectors.joining()));
            } catch (TemplateException e) {
                return false;
            }
        }
    }
}

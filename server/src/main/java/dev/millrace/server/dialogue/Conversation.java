package dev.millrace.server.dialogue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * Rewrites a conversation so that a model's template can spell all of it. Messages are as clients
 * send them, but for arguments, which are objects.
 */
final class Conversation {

    private static final JsonMapper JSON = new JsonMapper();
    private static final int MISTRAL_ID_CHARACTERS = 9;
    private static final String INSTRUCTION = """
            You can call functions. To call one, answer with nothing but its name and arguments, \
            in this form:
            %s
            To call several, write one after the other. You then get the results. If no function \
            is needed, answer in plain text. These are the functions, with their parameters as \
            JSON Schema:
            """;

    private static final CallSpelling.Spelled EXAMPLE = new CallSpelling.Spelled(
            "the_functions_name", JSON.createObjectNode().put("a_parameter", "its value"));

    private final TemplateTraits traits;
    private final ToolFormat format;
    private final List<Map<String, Object>> written = new ArrayList<>();
    private final Map<String, String> calledNames = new LinkedHashMap<>(); // by the call's id

    private Conversation(TemplateTraits traits, ToolFormat format) {
        this.traits = traits;
        this.format = format;
    }

    /** The messages as the template takes them; {@code tools} are those that it cannot spell. */
    static List<Map<String, Object>> rewritten(List<Map<String, Object>> messages,
            List<Tool> tools, TemplateTraits traits, ToolFormat format) {
        Conversation conversation = new Conversation(traits, format);
        List<Map<String, Object>> left = new ArrayList<>(tools.isEmpty()
                ? messages
                : conversation.instructed(messages, tools));
        while (!left.isEmpty()) {
            conversation.write(left.removeFirst(), left);
        }
        return conversation.written;
    }

    private List<Map<String, Object>> instructed(List<Map<String, Object>> messages,
            List<Tool> tools) {
        StringBuilder text = new StringBuilder(INSTRUCTION.formatted(CallSpelling.of(format,
                List.of(EXAMPLE))));
        tools.forEach(tool -> text.append(tool.definition().get("function")).append('\n'));
        String instruction = text.toString().strip();
        List<Map<String, Object>> instructed = new ArrayList<>(messages);
        Map<String, Object> first = messages.getFirst();
        if (first.get("role").equals("system") || !traits.system()) {
            instructed.set(0, with(first, "content", instruction + "\n\n" + first.get("content")));
        } else {
            instructed.addFirst(Map.of("role", "system", "content", instruction));
        }
        return instructed;
    }

    private void write(Map<String, Object> message, List<Map<String, Object>> following) {
        if (message.get("role").equals("tool")) {
            writeResult(message);
        } else if (message.get("tool_calls") instanceof List<?> calls && !calls.isEmpty()) {
            writeCalls(message, calls.stream().map(Conversation::object).toList(), following);
        } else {
            add(message);
        }
    }

    private void writeCalls(Map<String, Object> message, List<Map<String, Object>> calls,
            List<Map<String, Object>> following) {
        calls.forEach(call -> calledNames.put((String) call.get("id"),
                (String) function(call).get("name")));
        if (!traits.calls()) {
            Map<String, Object> spelled = with(message, "content", spelled(message, calls));
            spelled.remove("tool_calls");
            add(spelled);
        } else if (calls.size() == 1 || traits.severalCalls()) {
            add(calling(message, calls));
        } else {
            Map<String, Object> next = message;
            for (Map<String, Object> call : calls) {
                add(calling(next, List.of(call)));
                takeResult(call, following);
                next = with(message, "content", null);
                next.remove("reasoning_content");
                next.remove("thinking");
            }
        }
    }

    /** Writes the result of a call right after it, if there is one among the next messages. */
    private void takeResult(Map<String, Object> call, List<Map<String, Object>> following) {
        for (int i = 0; i < following.size() && following.get(i).get("role").equals("tool"); i++) {
            if (call.get("id").equals(following.get(i).get("tool_call_id"))) {
                writeResult(following.remove(i));
                return;
            }
        }
    }

    private Map<String, Object> calling(Map<String, Object> message,
            List<Map<String, Object>> calls) {
        Object content = message.get("content");
        boolean silent = content == null || content.equals("");
        Map<String, Object> calling = with(message, "content",
                silent ? traits.nullContent() ? null : "" : content);
        if (silent && message.containsKey("reasoning_content")) {
            calling.put("thinking", message.get("reasoning_content")); // gpt-oss's name for it
        }
        calling.put("tool_calls", calls.stream().map(this::spelledCall).toList());
        return calling;
    }

    private Map<String, Object> spelledCall(Map<String, Object> call) {
        Map<String, Object> function = function(call);
        Object arguments = function.get("arguments");
        if (traits.textArguments() && !(arguments instanceof String)) {
            function = with(function, "arguments", JSON.writeValueAsString(arguments));
        }
        return with(with(call, "function", function), "id", id((String) call.get("id")));
    }

    private void writeResult(Map<String, Object> message) {
        String id = (String) message.getOrDefault("tool_call_id", "");
        Map<String, Object> result = with(message, "tool_call_id", id(id));
        String name = calledNames.get(id);
        if (name != null) {
            result.putIfAbsent("name", name);
        }
        if (traits.results()) {
            add(result);
            return;
        }
        String text = "Result of " + result.getOrDefault("name", "the call") + ":\n"
                + result.get("content");
        add(new LinkedHashMap<>(Map.of("role", "user", "content", text)));
    }

    /** Adds a message; a user's that follows another one's joins it where results become text. */
    private void add(Map<String, Object> message) {
        Map<String, Object> last = written.isEmpty() ? Map.of() : written.getLast();
        if (!traits.results() && message.get("role").equals("user")
                && "user".equals(last.get("role"))) {
            written.set(written.size() - 1, with(last, "content",
                    last.get("content") + "\n\n" + message.get("content")));
        } else {
            written.add(message);
        }
    }

    /** Mistral's templates refuse ids that are not nine letters and digits. */
    private String id(String id) {
        if (!format.hasShortIds() || id.matches("[A-Za-z0-9]{9}")) {
            return id;
        }
        String digits = Long.toString(Integer.toUnsignedLong(id.hashCode()), Character.MAX_RADIX);
        return "0".repeat(MISTRAL_ID_CHARACTERS - digits.length()) + digits;
    }

    /** Calls as the model would say them, for templates that leave calls out. */
    private String spelled(Map<String, Object> message, List<Map<String, Object>> calls) {
        StringBuilder text = new StringBuilder();
        if (message.get("content") instanceof String content && !content.isEmpty()) {
            text.append(content).append('\n');
        }
        return text.append(CallSpelling.of(format, calls.stream().map(Conversation::function)
                .map(function -> new CallSpelling.Spelled((String) function.get("name"),
                        JSON.valueToTree(function.get("arguments"))))
                .toList())).toString();
    }

    private static Map<String, Object> function(Map<String, Object> call) {
        return object(call.get("function"));
    }

    private static Map<String, Object> with(Map<String, Object> map, String key, Object value) {
        Map<String, Object> copy = new LinkedHashMap<>(map);
        copy.put(key, value);
        return copy;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object value) {
        return (Map<String, Object>) value;
    }
}

package dev.millrace.server.dialogue;

import dev.millrace.engine.constrain.schema.MemberSpelling;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Calls as models of a format say them, for templates that leave calls out. */
final class CallSpelling {

    private static final JsonMapper JSON = new JsonMapper();

    private CallSpelling() {}

    /** A call; arguments are an object, or something else if a model got that wrong. */
    record Spelled(String name, JsonNode arguments) {

        String text() {
            return arguments.isString() ? arguments.stringValue() : arguments.toString();
        }
    }

    /** All of them, with what stands around them. */
    static String of(ToolFormat format, List<Spelled> calls) {
        return switch (format) {
            case HERMES -> joined(calls, "\n", call -> format.open() + "\n" + object(format, call)
                    + "\n" + format.close());
            case MISTRAL, MISTRAL_ARGS, GRANITE -> format.open() + "["
                    + joined(calls, ", ", call -> object(format, call)) + "]";
            case LLAMA -> joined(calls, "; ", call -> object(format, call));
            case HARMONY, JSON -> joined(calls, "\n", call -> object(format, call));
            case QWEN_XML -> joined(calls, "\n", call -> format.open() + "\n<function="
                    + call.name() + ">\n" + members(call, MemberSpelling.MARKUP)
                    + "</function>\n" + format.close());
            case PYTHONIC -> "[" + joined(calls, ", ", call -> call.name() + "("
                    + members(call, MemberSpelling.PYTHON) + ")") + "]";
            case DEEPSEEK -> format.open() + joined(calls, "\n", call -> TaggedCallParser.CALL
                    + TaggedCallParser.TYPE + call.name() + "\n" + TaggedCallParser.FENCE + "\n"
                    + call.text() + "\n" + TaggedCallParser.FENCE_END
                    + TaggedCallParser.CALL_END) + format.close();
            case DEEPSEEK_V31 -> format.open() + joined(calls, "", call -> TaggedCallParser.CALL
                    + call.name() + TaggedCallParser.SEPARATOR + call.arguments()
                    + TaggedCallParser.CALL_END) + format.close();
        };
    }

    private static String joined(List<Spelled> calls, String between,
            Function<Spelled, String> spelling) {
        return calls.stream().map(spelling).collect(Collectors.joining(between));
    }

    private static String object(ToolFormat format, Spelled call) {
        return "{\"name\": " + JSON.writeValueAsString(call.name()) + ", \""
                + format.argumentsKey() + "\": " + call.text() + "}";
    }

    private static String members(Spelled call, MemberSpelling spelling) {
        if (!call.arguments().isObject()) {
            return call.text();
        }
        return call.arguments().properties().stream().map(member -> spelling.open()
                + member.getKey() + spelling.afterName() + value(member, spelling)
                + spelling.close()).collect(Collectors.joining(spelling.between()));
    }

    private static String value(Map.Entry<String, JsonNode> member, MemberSpelling spelling) {
        JsonNode value = member.getValue();
        return switch (spelling) {
            case MARKUP -> value.isString() ? value.stringValue() : value.toString();
            case PYTHON -> value.isBoolean()
                    ? value.booleanValue() ? "True" : "False"
                    : value.isNull() ? "None" : value.toString();
        };
    }
}

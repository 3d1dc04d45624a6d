package dev.millrace.models.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Turns what the caller gives into a template's values, and decides what of it is trusted. */
final class ContextReader {

    /** Tokens that the model's files name; the server passes them on. */
    private static final Set<String> TRUSTED_VARIABLES = Set.of("bos_token", "eos_token",
            "unk_token", "pad_token");

    /**
     * Keys whose values templates put between the ends of special tokens, as in
     * {@code '<|' + message.role + '|>'}; the token would be lost if its middle were not trusted.
     */
    private static final Set<String> WORD_KEYS = Set.of("role", "type");

    /** Plain words: harmless alone, and all that such a key may contribute to a special token. */
    private static final Set<String> TRUSTED_WORDS = Set.of("system", "user", "assistant", "tool",
            "tools",
            "developer", "function", "functions", "ipython", "model", "human", "gpt", "bot",
            "context",
            "critic", "documents", "document", "environment", "observation", "observe", "tool_call",
            "tool_calls", "tool_response", "tool_result", "thinking", "reasoning", "analysis",
            "final",
            "commentary", "python", "code_interpreter", "text", "image", "image_url", "video",
            "audio",
            "input_text", "input_image", "input_audio", "output_text", "object", "array", "string",
            "integer", "number", "boolean", "null");

    private static final String NO_KEY = "";

    private final Rendering rendering;

    ContextReader(Rendering rendering) {
        this.rendering = rendering;
    }

    Map<String, Object> read(Map<String, Object> context) {
        Map<String, Object> variables = new HashMap<>(2 * context.size());
        context.forEach((name, value) -> variables.put(name, readVariable(name, value)));
        return variables;
    }

    private Object readVariable(String name, Object value) {
        boolean trusted = TRUSTED_VARIABLES.contains(name) && value instanceof String;
        return trusted ? Text.trusted((String) value) : read(value, name);
    }

    /** @param key the key that the value stands under */
    private Object read(Object value, String key) {
        return switch (value) {
            case null -> null;
            case String text ->
                Text.of(text, WORD_KEYS.contains(key) && TRUSTED_WORDS.contains(text));
            case Boolean flag -> flag;
            case Long number -> number;
            case Integer number -> number.longValue();
            case Double number -> number;
            case Float number -> number.doubleValue();
            case Short number -> number.longValue();
            case Byte number -> number.longValue();
            case BigInteger number ->
                number.bitLength() < Long.SIZE ? (Object) number.longValue() : number;
            case BigDecimal number -> number.doubleValue();
            case List<?> list -> readItems(list);
            case Map<?, ?> map -> readEntries(map);
            default -> throw new IllegalArgumentException(
                    "the context holds a " + value.getClass().getName()
                            + (key.equals(NO_KEY) ? "" : " under '" + key + "'")
                            + "; it may hold null, Boolean, numbers, String, List and Map only");
        };
    }

    private List<Object> readItems(List<?> list) {
        rendering.enter();
        List<Object> items = new ArrayList<>(list.size());
        for (Object item : list) {
            items.add(read(item, NO_KEY));
        }
        rendering.leave();
        return items;
    }

    private Map<Object, Object> readEntries(Map<?, ?> map) {
        rendering.enter();
        Map<Object, Object> entries = new LinkedHashMap<>(2 * map.size());
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (!(entry.getKey() instanceof String name)) {
                throw new IllegalArgumentException("the context holds a Map with the key "
                        + entry.getKey() + "; its keys must be Strings");
            }
            entries.put(Text.untrusted(name), read(entry.getValue(), name));
        }
        rendering.leave();
        return entries;
    }
}

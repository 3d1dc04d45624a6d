package dev.millrace.models.template;

import java.util.List;
import java.util.Map;

/** Python's json.dumps(), as transformers calls it for {@code tojson}. */
final class JsonWriter {

    private final Rendering rendering;
    private final boolean asciiOnly;
    private final boolean sortedKeys;
    private final String indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final StringBuilder out = new StringBuilder();
    private boolean trusted = true;

    /** @param indent what one level is indented by, or null to write everything on one line */
    JsonWriter(Rendering rendering, boolean asciiOnly, boolean sortedKeys, String indent,
            String itemSeparator, String keySeparator) {
        this.rendering = rendering;
        this.asciiOnly = asciiOnly;
        this.sortedKeys = sortedKeys;
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
    }

    /** The value as JSON: trusted where every text in it is. */
    Text write(Object value) {
        write(value, 0);
        return Text.of(out.toString(), trusted);
    }

    private void write(Object value, int level) {
        rendering.enter();
        switch (value) {
            case null -> out.append("null");
            case Boolean flag -> out.append(flag);
            case Double number -> out.append(number(number));
            case Number number -> out.append(number);
            case Text text -> writeText(text);
            case List<?> list -> writeItems(list, level);
            case Tuple tuple -> writeItems(tuple.items(), level);
            case Map<?, ?> map -> writeEntries(map, level);
            default -> throw new EvaluationException("Object of type " + Values.typeName(value)
                    + " is not JSON serializable");
        }
        rendering.checkText(out.length());
        rendering.leave();
    }

    private static String number(double number) {
        if (Double.isNaN(number)) {
            return "NaN";
        }
        return Double.isInfinite(number)
                ? number > 0 ? "Infinity" : "-Infinity"
                : Numbers.print(number);
    }

    private void writeItems(List<?> items, int level) {
        out.append('[');
        boolean first = true;
        for (Object item : items) {
            separate(first, level + 1);
            first = false;
            write(item, level + 1);
        }
        close(items.isEmpty(), level, ']');
    }

    private void writeEntries(Map<?, ?> map, int level) {
        out.append('{');
        boolean first = true;
        for (Map.Entry<?, ?> entry : entries(map)) {
            separate(first, level + 1);
            first = false;
            writeKey(entry.getKey());
            out.append(keySeparator);
            write(entry.getValue(), level + 1);
        }
        close(map.isEmpty(), level, '}');
    }

    private List<? extends Map.Entry<?, ?>> entries(Map<?, ?> map) {
        rendering.chargeItems(map.size());
        var entries = map.entrySet().stream();
        return sortedKeys
                ? entries.sorted((a, b) -> Comparison.order(a.getKey(), b.getKey(), rendering))
                        .toList()
                : entries.toList();
    }

    private void writeKey(Object key) {
        switch (key) {
            case Text text -> writeText(text);
            case null -> out.append("\"null\"");
            case Boolean flag -> out.append('"').append(flag).append('"');
            case Double number -> out.append('"').append(number(number)).append('"');
            case Number number -> out.append('"').append(number).append('"');
            default ->
                throw new EvaluationException("keys must be str, int, float, bool or None, not "
                        + Values.typeName(key));
        }
    }

    private void separate(boolean first, int level) {
        if (!first) {
            out.append(itemSeparator);
        }
        newLine(level);
    }

    private void close(boolean empty, int level, char bracket) {
        if (!empty) {
            newLine(level);
        }
        out.append(bracket);
    }

    private void newLine(int level) {
        if (indent != null) {
            rendering.chargeText((long) level * indent.length());
            out.append('\n').repeat(indent, level);
        }
    }

    private void writeText(Text text) {
        trusted &= text.trustedThroughout();
        rendering.chargeText(text.length());
        out.append('"');
        String value = text.value();
        for (int i = 0; i < value.length(); i++) {
            writeCharacter(value.charAt(i));
        }
        out.append('"');
    }

    private void writeCharacter(char c) {
        switch (c) {
            case '"' -> out.append("\\\"");
            case '\\' -> out.append("\\\\");
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            case '\b' -> out.append("\\b");
            case '\f' -> out.append("\\f");
            default -> {
                if (c < ' ' || asciiOnly && c > '~') {
                    out.append("\\u").append(Character.forDigit(c >> 12, 16))
                            .append(Character.forDigit(c >> 8 & 15, 16))
                            .append(Character.forDigit(c >> 4 & 15, 16))
                            .append(Character.forDigit(c & 15, 16));
                } else {
                    out.append(c);
                }
            }
        }
    }
}

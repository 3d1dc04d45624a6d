package dev.millrace.models.template;

import java.util.List;
import java.util.Map;

/** Python's str() and repr(). */
final class Printer {

    private final Rendering rendering;
    private final StringBuilder out = new StringBuilder();
    private boolean trusted = true;

    private Printer(Rendering rendering) {
        this.rendering = rendering;
    }

    /** Python's str(): what printing a value writes. */
    static Text text(Object value, Rendering rendering) {
        return switch (value) {
            case Text text -> text;
            case Undefined undefined -> Text.EMPTY;
            case null, default -> repr(value, rendering);
        };
    }

    /** Python's repr(): trusted where every text in the value is. */
    static Text repr(Object value, Rendering rendering) {
        Printer printer = new Printer(rendering);
        printer.write(value);
        return Text.of(printer.out.toString(), printer.trusted);
    }

    private void write(Object value) {
        rendering.enter();
        switch (value) {
            case null -> out.append("None");
            case Boolean flag -> out.append(flag ? "True" : "False");
            case Double number -> out.append(Numbers.print(number));
            case Number number -> out.append(number);
            case Text text -> writeText(text);
            case Undefined undefined -> out.append("Undefined");
            case List<?> list -> writeItems("[", list, "]");
            case Tuple tuple ->
                writeItems("(", tuple.items(), tuple.items().size() == 1 ? ",)" : ")");
            case Map<?, ?> map -> writeEntries(map);
            case Range range -> out.append(range);
            case DictView view -> writeItems(view.type() + "([", view.items(), "])");
            case LoopState loop -> out.append(loop);
            case Macro macro -> out.append(macro);
            default -> throw new EvaluationException("a " + Values.typeName(value)
                    + " has no text of its own; is a filter (list) or a call () missing?");
        }
        rendering.checkText(out.length());
        rendering.leave();
    }

    private void writeItems(String open, List<?> items, String close) {
        out.append(open);
        String separator = "";
        for (Object item : items) {
            out.append(separator);
            write(item);
            separator = ", ";
        }
        out.append(close);
    }

    private void writeEntries(Map<?, ?> map) {
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            out.append(separator);
            write(entry.getKey());
            out.append(": ");
            write(entry.getValue());
            separator = ", ";
        }
        out.append('}');
    }

    private void writeText(Text text) {
        trusted &= text.trustedThroughout();
        rendering.chargeText(text.length());
        out.append(text.markup() ? "Markup(" : "");
        String value = text.value();
        char quote = value.indexOf('\'') >= 0 && value.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        value.codePoints().forEach(c -> writeCharacter(c, quote));
        out.append(quote).append(text.markup() ? ")" : "");
    }

    private void writeCharacter(int c, char quote) {
        switch (c) {
            case '\\' -> out.append("\\\\");
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            default -> {
                if (c == quote) {
                    out.append('\\').append(quote);
                } else if (isPrintable(c)) {
                    out.appendCodePoint(c);
                } else {
                    String pattern = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
                    out.append(pattern.formatted(c));
                }
            }
        }
    }

    /** Python prints a space and everything but separators and "other" characters as it is. */
    private static boolean isPrintable(int c) {
        if (c == ' ') {
            return true;
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE,
                    Character.UNASSIGNED, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR ->
                false;
            default -> true;
        };
    }
}

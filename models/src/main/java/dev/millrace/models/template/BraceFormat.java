package dev.millrace.models.template;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's str.format() for fields such as {@code {}}, {@code {0}} and {@code {name!r}}. */
final class BraceFormat {

    private static final Pattern PIECE = Pattern
            .compile("\\{\\{|\\}\\}|\\{(\\w*)(?:!([rs]))?\\}|[{}]");

    private final Text format;
    private final Arguments arguments;
    private final Rendering rendering;
    private int automatic;

    BraceFormat(Text format, Arguments arguments, Rendering rendering) {
        this.format = format;
        this.arguments = arguments;
        this.rendering = rendering;
    }

    Text apply() {
        TextBuilder out = new TextBuilder(rendering);
        Matcher piece = PIECE.matcher(format.value());
        int copied = 0;
        while (piece.find()) {
            out.append(format.substring(copied, piece.start()));
            copied = piece.end();
            if (piece.group(1) != null) {
                Object value = value(piece.group(1));
                Text text = "r".equals(piece.group(2))
                        ? Printer.repr(value, rendering)
                        : Printer.text(value, rendering);
                out.append(format.markup() ? text.escaped() : text);
            } else if (piece.end() - piece.start() == 2) {
                out.append(format.substring(piece.start(), piece.start() + 1));
            } else {
                throw new EvaluationException(
                        "the format string has a field that is not supported at '"
                                + format.value().substring(piece.start())
                                + "'; templates may use {}, {0} and {name}");
            }
        }
        return out.append(format.substring(copied)).toText().withMarkup(format.markup());
    }

    private Object value(String field) {
        boolean numbered = field.chars().allMatch(Character::isDigit);
        if (!numbered) {
            if (!arguments.named().containsKey(field)) {
                throw new EvaluationException("format() has no argument '" + field + "'");
            }
            return arguments.named().get(field);
        }
        if (field.length() > 4) {
            throw new EvaluationException("format() has no argument " + field);
        }
        int index = field.isEmpty() ? automatic++ : Integer.parseInt(field);
        if (index >= arguments.positional().size()) {
            throw new EvaluationException("Replacement index " + index
                    + " out of range for positional args tuple");
        }
        return arguments.positional().get(index);
    }
}

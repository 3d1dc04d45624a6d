package dev.millrace.models.template;

import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

import static java.util.Map.entry;

/** Jinja's filters on text; what is not text is printed first. */
final class TextFilters {

    private static final String WORD_STARTS = "-({[<";

    static final Map<String, Filter> ALL = Map.ofEntries(
            entry("string", Filter.simple("string", (value, r) -> Printer.text(value, r))),
            entry("trim", TextFilters::trim),
            entry("upper", Filter.simple("upper", (value, r) -> changed(value, Strings::upper, r))),
            entry("lower", Filter.simple("lower", (value, r) -> changed(value, Strings::lower, r))),
            entry("capitalize",
                    Filter.simple("capitalize", (value, r) -> Strings.capitalize(paid(value, r)))),
            entry("title", Filter.simple("title", (value, r) -> title(paid(value, r)))),
            entry("replace", TextFilters::replace),
            entry("indent", TextFilters::indent),
            entry("center", TextFilters::center),
            entry("format", TextFilters::format),
            entry("wordcount", Filter.simple("wordcount", (value, r) -> wordCount(paid(value, r)))),
            entry("escape", Filter.simple("escape", (value, r) -> paid(value, r).escaped())),
            entry("e", Filter.simple("e", (value, r) -> paid(value, r).escaped())),
            entry("forceescape",
                    Filter.simple("forceescape",
                            (value, r) -> paid(value, r).withMarkup(false).escaped())),
            entry("safe", (value, a, r) -> Printer.text(value, r).withMarkup(true)));

    private TextFilters() {}

    private static Text paid(Object value, Rendering rendering) {
        Text text = Printer.text(value, rendering);
        rendering.chargeText(text.length());
        return text;
    }

    private static Text changed(Object value, UnaryOperator<String> change, Rendering rendering) {
        Text text = paid(value, rendering);
        return text.changedTo(change.apply(text.value()));
    }

    private static Text trim(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("trim", "chars");
        Text characters = bound.optional(0, null) == null ? null : bound.text(0);
        return Strings.strip(paid(value, rendering), characters, true, true);
    }

    /** Jinja's own rule, which is not Python's: words start after space and opening brackets. */
    private static Text title(Text text) {
        StringBuilder title = new StringBuilder();
        String value = text.value();
        int start = 0;
        for (int i = 0; i <= value.length(); i++) {
            if (i == value.length() || isWordStart(value.charAt(i))) {
                appendWord(title, value.substring(start, i));
                title.append(value, i, Math.min(i + 1, value.length()));
                start = i + 1;
            }
        }
        return text.changedTo(title.toString());
    }

    private static boolean isWordStart(char c) {
        return WORD_STARTS.indexOf(c) >= 0 || Strings.isSpace(c);
    }

    private static void appendWord(StringBuilder title, String word) {
        if (!word.isEmpty()) {
            int second = word.offsetByCodePoints(0, 1);
            title.append(Strings.upper(word.substring(0, second)))
                    .append(Strings.lower(word.substring(second)));
        }
    }

    private static Text replace(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("replace", "old", "new", "count");
        long limit = bound.optional(2, null) == null ? -1 : bound.integer(2, -1);
        Text old = Printer.text(bound.required(0), rendering);
        Text fresh = Printer.text(bound.required(1), rendering);
        return Strings.replace(Printer.text(value, rendering).withMarkup(false), old, fresh, limit,
                rendering);
    }

    /** Indents all lines but the first, and no empty ones unless {@code blank}. */
    private static Text indent(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("indent", "width", "first", "blank");
        if (!(value instanceof Text text)) {
            throw new EvaluationException("indent needs a string, not " + Values.typeName(value));
        }
        Text margin = margin(bound, rendering);
        Text newline = Text.trusted("\n");
        List<Object> lines = Strings.lines(
                new TextBuilder(rendering).append(text).append(newline).toText(), false, rendering);
        TextBuilder out = new TextBuilder(rendering);
        for (int i = 0; i < lines.size(); i++) {
            Text line = (Text) lines.get(i);
            boolean indented = i == 0 ? bound.flag(1) : bound.flag(2) || !line.isEmpty();
            out.append(i == 0 ? Text.EMPTY : newline).append(indented ? margin : Text.EMPTY)
                    .append(line);
        }
        return out.toText().withMarkup(text.markup());
    }

    private static Text margin(Arguments.Bound bound, Rendering rendering) {
        if (bound.optional(0, null) instanceof Text margin) {
            return margin;
        }
        long width = Math.max(0, bound.integer(0, 4));
        rendering.chargeText(width);
        return Text.trusted(" ".repeat((int) width));
    }

    private static Text center(Object value, Arguments arguments, Rendering rendering) {
        Text text = Printer.text(value, rendering);
        long width = arguments.bind("center", "width").integer(0, 80);
        long missing = width - Values.length(text);
        if (missing <= 0) {
            return text;
        }
        rendering.chargeText(width);
        // Python's choice of the side that gets the odd space.
        int left = (int) (missing / 2 + (missing & width & 1));
        return new TextBuilder(rendering).append(" ".repeat(left)).append(text)
                .append(" ".repeat((int) missing - left)).toText().withMarkup(text.markup());
    }

    private static Text format(Object value, Arguments arguments, Rendering rendering) {
        if (!arguments.named().isEmpty()) {
            throw new EvaluationException(
                    "the filter format takes no named arguments in templates here");
        }
        return new PercentFormat(Printer.text(value, rendering), rendering)
                .apply(new Tuple(arguments.positional()));
    }

    private static long wordCount(Text text) {
        long words = 0;
        boolean inWord = false;
        for (int c : text.value().codePoints().toArray()) {
            boolean letter = c == '_' || Character.isLetterOrDigit(c);
            words += letter && !inWord ? 1 : 0;
            inWord = letter;
        }
        return words;
    }
}

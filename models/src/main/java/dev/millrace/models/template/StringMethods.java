package dev.millrace.models.template;

import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

import static java.util.Map.entry;

/** The methods of Python's str that a template can call. */
final class StringMethods {

    static final Map<String, Method<Text>> ALL = Map.ofEntries(
            entry("strip",
                    (text, a, r) -> strip(text, a.bindPositional("strip", "chars"), true, true, r)),
            entry("lstrip",
                    (text, a, r) -> strip(text, a.bindPositional("lstrip", "chars"), true, false,
                            r)),
            entry("rstrip",
                    (text, a, r) -> strip(text, a.bindPositional("rstrip", "chars"), false, true,
                            r)),
            entry("split", (text, a, r) -> split("split", text, a, r)),
            entry("rsplit", (text, a, r) -> split("rsplit", text, a, r)),
            entry("splitlines",
                    (text, a, r) -> Strings.lines(text, a.bind("splitlines", "keepends").flag(0),
                            r)),
            entry("partition",
                    (text, a, r) -> partition(text, a.bindPositional("partition", "sep").text(0),
                            false, r)),
            entry("rpartition",
                    (text, a, r) -> partition(text, a.bindPositional("rpartition", "sep").text(0),
                            true, r)),
            entry("join", (text, a, r) -> Strings.join(text,
                    Values.elements(a.bindPositional("join", "iterable").required(0), r), r)),
            entry("replace", StringMethods::replace),
            entry("removeprefix", (text, a, r) -> {
                Text prefix = a.bindPositional("removeprefix", "prefix").text(0);
                return text.value().startsWith(prefix.value())
                        ? text.substring(prefix.length())
                        : text;
            }),
            entry("removesuffix", (text, a, r) -> {
                Text suffix = a.bindPositional("removesuffix", "suffix").text(0);
                return text.value().endsWith(suffix.value())
                        ? text.substring(0, text.length() - suffix.length())
                        : text;
            }),
            entry("startswith", (text, a, r) -> ends("startswith", text, a, String::startsWith)),
            entry("endswith", (text, a, r) -> ends("endswith", text, a, String::endsWith)),
            entry("find", (text, a, r) -> find("find", text, a, false, r)),
            entry("rfind", (text, a, r) -> find("rfind", text, a, true, r)),
            entry("index", (text, a, r) -> found(find("index", text, a, false, r))),
            entry("rindex", (text, a, r) -> found(find("rindex", text, a, true, r))),
            entry("count", StringMethods::count),
            entry("upper",
                    (text, a, r) -> changed(paid(text, a, "upper", r), Strings::upper)),
            entry("lower",
                    (text, a, r) -> changed(paid(text, a, "lower", r), Strings::lower)),
            entry("title", (text, a, r) -> Strings.title(paid(text, a, "title", r))),
            entry("capitalize", (text, a, r) -> Strings.capitalize(paid(text, a, "capitalize", r))),
            entry("format", (text, a, r) -> new BraceFormat(text, a, r).apply()),
            entry("zfill",
                    (text, a, r) -> zeroFill(text, a.bindPositional("zfill", "width").integer(0, 0),
                            r)),
            entry("isdigit", all("isdigit", Character::isDigit)),
            entry("isdecimal", all("isdecimal", Character::isDigit)),
            entry("isalpha", all("isalpha", Character::isLetter)),
            entry("isalnum", all("isalnum", Character::isLetterOrDigit)),
            entry("isspace", all("isspace", Strings::isSpace)),
            entry("isupper", (text, a, r) -> hasCase(paid(text, a, "isupper", r), true)),
            entry("islower", (text, a, r) -> hasCase(paid(text, a, "islower", r), false)));

    private StringMethods() {}

    /** Whether there are letters of this case and none of the other. */
    static boolean hasCase(Text text, boolean upper) {
        IntPredicate wanted = upper ? Character::isUpperCase : Character::isLowerCase;
        String value = text.value();
        return value.codePoints().anyMatch(wanted)
                && value.codePoints().noneMatch(c -> Strings.isCased(c) && !wanted.test(c));
    }

    private static Text strip(Text text, Arguments.Bound bound, boolean left, boolean right,
            Rendering rendering) {
        rendering.chargeText(text.length());
        return Strings.strip(text, bound.optional(0, null) == null ? null : bound.text(0), left,
                right);
    }

    private static List<Object> split(String name, Text text, Arguments arguments,
            Rendering rendering) {
        Arguments.Bound bound = arguments.bind(name, "sep", "maxsplit");
        long limit = bound.integer(1, -1);
        boolean fromEnd = name.equals("rsplit");
        if (bound.optional(0, null) != null) {
            return fromEnd
                    ? Strings.splitFromEnd(text, bound.text(0), limit, rendering)
                    : Strings.split(text, bound.text(0), limit, rendering);
        }
        if (fromEnd && limit >= 0) {
            throw new EvaluationException(
                    "rsplit() without a separator takes no maxsplit in templates here");
        }
        return Strings.words(text, limit, rendering);
    }

    private static Tuple partition(Text text, Text separator, boolean last, Rendering rendering) {
        rendering.chargeSearch(text.value(), separator.value());
        rendering.chargeText(text.length());
        if (separator.isEmpty()) {
            throw new EvaluationException("empty separator");
        }
        int found = last
                ? text.value().lastIndexOf(separator.value())
                : text.value().indexOf(separator.value());
        if (found < 0) {
            return last
                    ? Tuple.of(Text.EMPTY, Text.EMPTY, text)
                    : Tuple.of(text, Text.EMPTY, Text.EMPTY);
        }
        return Tuple.of(text.substring(0, found), separator,
                text.substring(found + separator.length()));
    }

    private static Text replace(Text text, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bindPositional("replace", "old", "new", "count");
        return Strings.replace(text, bound.text(0), bound.text(1), bound.integer(2, -1), rendering);
    }

    private static boolean ends(String name, Text text, Arguments arguments,
            BiPredicate<String, String> test) {
        Object wanted = arguments.bindPositional(name, "affix").required(0);
        List<?> choices = wanted instanceof Tuple tuple
                ? tuple.items()
                : List.of(new Object[]{wanted});
        for (Object choice : choices) {
            if (!(choice instanceof Text affix)) {
                throw new EvaluationException(
                        name + " first arg must be str or a tuple of str, not "
                                + Values.typeName(choice));
            }
            if (test.test(text.value(), affix.value())) {
                return true;
            }
        }
        return false;
    }

    /** The position in code points, or -1. */
    private static long find(String name, Text text, Arguments arguments, boolean last,
            Rendering rendering) {
        Arguments.Bound bound = arguments.bindPositional(name, "sub", "start");
        String value = text.value();
        String wanted = bound.text(0).value();
        rendering.chargeSearch(value, wanted);
        long size = value.codePointCount(0, value.length());
        long start = bound.optional(1, null) == null ? 0 : bound.integer(1, 0);
        start = start < 0 ? Math.max(0, start + size) : start;
        if (start > size) {
            return -1;
        }
        int from = value.offsetByCodePoints(0, (int) start);
        int found = last ? value.lastIndexOf(wanted) : value.indexOf(wanted, from);
        return found < from ? -1 : value.codePointCount(0, found);
    }

    private static long found(long position) {
        if (position < 0) {
            throw new EvaluationException("substring not found");
        }
        return position;
    }

    private static long count(Text text, Arguments arguments, Rendering rendering) {
        Text wanted = arguments.bindPositional("count", "sub").text(0);
        return wanted.isEmpty()
                ? Values.length(text) + 1
                : Strings.split(text, wanted, -1, rendering).size() - 1;
    }

    /** The text of a method without arguments, once it is paid for. */
    private static Text paid(Text text, Arguments arguments, String name, Rendering rendering) {
        arguments.bindPositional(name);
        rendering.chargeText(text.length());
        return text;
    }

    private static Text changed(Text text, UnaryOperator<String> change) {
        return text.changedTo(change.apply(text.value()));
    }

    private static Text zeroFill(Text text, long width, Rendering rendering) {
        long missing = width - Values.length(text);
        if (missing <= 0) {
            return text;
        }
        rendering.chargeText(width);
        int sign = text.value().startsWith("-") || text.value().startsWith("+") ? 1 : 0;
        return new TextBuilder(rendering).append(text.substring(0, sign))
                .append("0".repeat((int) missing))
                .append(text.substring(sign)).toText();
    }

    /** Whether there are characters and the predicate holds for all of them. */
    private static Method<Text> all(String name, IntPredicate predicate) {
        return (text, arguments, rendering) -> {
            Text paid = paid(text, arguments, name, rendering);
            return !paid.isEmpty() && paid.value().codePoints().allMatch(predicate);
        };
    }
}

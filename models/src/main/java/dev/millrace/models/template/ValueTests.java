package dev.millrace.models.template;

import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

import static java.util.Map.entry;

/** Jinja's tests by name. */
final class ValueTests {

    private static final Map<String, ValueTest> ALL = Map.ofEntries(
            simple("defined", value -> !(value instanceof Undefined)),
            simple("undefined", value -> value instanceof Undefined),
            simple("none", value -> value == null),
            simple("boolean", value -> value instanceof Boolean),
            simple("true", value -> Boolean.TRUE.equals(value)),
            simple("false", value -> Boolean.FALSE.equals(value)),
            simple("integer", value -> value instanceof Number && !(value instanceof Double)),
            simple("float", value -> value instanceof Double),
            simple("number", value -> Numbers.isNumber(value)),
            simple("string", value -> value instanceof Text),
            simple("mapping", value -> value instanceof Map<?, ?>),
            simple("sequence", value -> isSequence(value)),
            simple("iterable", value -> Values.isIterable(value)),
            simple("callable", value -> value instanceof TemplateFunction
                    || value instanceof Undefined),
            simple("escaped", value -> value instanceof Text text && text.markup()),
            entry("odd", (value, a, r) -> remainder(value, 2L, r) == 1),
            entry("even", (value, a, r) -> remainder(value, 2L, r) == 0),
            entry("divisibleby",
                    (value, a, r) -> remainder(value, other("divisibleby", a), r) == 0),
            entry("lower", (value, a, r) -> StringMethods.hasCase(Printer.text(value, r), false)),
            entry("upper", (value, a, r) -> StringMethods.hasCase(Printer.text(value, r), true)),
            entry("sameas", (value, a, r) -> isSame(value, other("sameas", a), r)),
            entry("in", (value, a, r) -> Comparison.contains(other("in", a), value, r)),
            entry("filter",
                    (value, a, r) -> value instanceof Text name
                            && Filters.named(name.value()) != null),
            entry("test",
                    (value, a, r) -> value instanceof Text name && named(name.value()) != null),
            entry("eq", ValueTests::isEqual),
            entry("equalto", ValueTests::isEqual),
            entry("==", ValueTests::isEqual),
            entry("ne", (value, a, r) -> !isEqual(value, a, r)),
            entry("!=", (value, a, r) -> !isEqual(value, a, r)),
            entry("lt", ordered("<")),
            entry("lessthan", ordered("<")),
            entry("<", ordered("<")),
            entry("le", ordered("<=")),
            entry("<=", ordered("<=")),
            entry("gt", ordered(">")),
            entry("greaterthan", ordered(">")),
            entry(">", ordered(">")),
            entry("ge", ordered(">=")),
            entry(">=", ordered(">=")));

    private ValueTests() {}

    private static Map.Entry<String, ValueTest> simple(String name, Predicate<Object> predicate) {
        return entry(name, ValueTest.simple(name, predicate));
    }

    /** The test of that name, or null. */
    static ValueTest named(String name) {
        return ALL.get(name);
    }

    static EvaluationException unknown(String name) {
        return new EvaluationException("No test named '" + name + "'.");
    }

    private static Object other(String name, Arguments arguments) {
        return arguments.bind(name, "other").required(0);
    }

    private static boolean isEqual(Object value, Arguments arguments, Rendering rendering) {
        return Comparison.equal(value, other("equalto", arguments), rendering);
    }

    private static ValueTest ordered(String operator) {
        return (value, arguments, rendering) -> Comparison.ordered(operator, value,
                other(operator, arguments), rendering);
    }

    private static boolean isSequence(Object value) {
        return value instanceof Text || value instanceof List<?> || value instanceof Tuple
                || value instanceof Map<?, ?> || value instanceof Range
                || value instanceof Undefined;
    }

    private static double remainder(Object value, Object divisor, Rendering rendering) {
        return Arithmetic.apply("%", value, divisor, rendering) instanceof Number number
                ? number.doubleValue()
                : Double.NaN;
    }

    /** Python's identity, as far as it can be told from equality for values that never change. */
    private static boolean isSame(Object value, Object other, Rendering rendering) {
        return value == other
                || value != null && other != null && value.getClass() == other.getClass()
                        && !(value instanceof List<?> || value instanceof Map<?, ?>)
                        && Comparison.equal(value, other, rendering);
    }
}

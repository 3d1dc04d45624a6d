package dev.millrace.models.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The functions that every template can call: Jinja's, and the two that transformers adds. */
final class Globals {

    static final Map<String, Object> ALL = Map.of(
            "range", (TemplateFunction) Globals::range,
            "namespace", (TemplateFunction) Globals::namespace,
            "dict", (TemplateFunction) Globals::dict,
            "cycler",
            (TemplateFunction) (arguments, rendering) -> new Cycler(arguments.positional()),
            "joiner",
            (TemplateFunction) (arguments, rendering) -> joiner(arguments.bind("joiner", "sep")),
            "raise_exception", (TemplateFunction) Globals::raise,
            "strftime_now",
            (TemplateFunction) (arguments, rendering) -> new Strftime(rendering)
                    .format(arguments.bind("strftime_now", "format").text(0)));

    private Globals() {}

    private static Object range(Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("range", "start", "stop", "step");
        long first = Numbers.integer(bound.required(0));
        return bound.has(1)
                ? new Range(first, bound.integer(1, 0), bound.integer(2, 1))
                : new Range(0, first, 1);
    }

    private static Object namespace(Arguments arguments, Rendering rendering) {
        Namespace namespace = new Namespace();
        entries(arguments, rendering).forEach((name, value) -> {
            if (!(name instanceof Text text)) {
                throw new EvaluationException(
                        "a namespace's attributes have names of type str, not "
                                + Values.typeName(name));
            }
            namespace.attributes().put(text, value);
        });
        return namespace;
    }

    private static Object dict(Arguments arguments, Rendering rendering) {
        return entries(arguments, rendering);
    }

    /** Python's dict(): the entries of a mapping or of pairs, then the named arguments. */
    private static Map<Object, Object> entries(Arguments arguments, Rendering rendering) {
        Map<Object, Object> entries = new LinkedHashMap<>();
        if (arguments.positional().size() > 1) {
            throw new EvaluationException(
                    "dict expected at most 1 argument, got " + arguments.positional().size());
        }
        for (Object source : arguments.positional()) {
            if (source instanceof Map<?, ?> map) {
                rendering.chargeItems(map.size());
                entries.putAll(map);
                continue;
            }
            for (Object pair : Values.elements(source, rendering)) {
                List<Object> keyAndValue = Values.elements(pair, rendering);
                if (keyAndValue.size() != 2) {
                    throw new EvaluationException(
                            "dict() needs pairs, not " + keyAndValue.size() + " values");
                }
                entries.put(Values.newKey(keyAndValue.get(0)), keyAndValue.get(1));
            }
        }
        arguments.named().forEach((name, value) -> entries.put(Text.trusted(name), value));
        return entries;
    }

    /** A function that gives nothing the first time and the separator from then on. */
    private static TemplateFunction joiner(Arguments.Bound bound) {
        Object separator = bound.optional(0, Text.trusted(", "));
        boolean[] used = new boolean[1];
        return (arguments, rendering) -> {
            Object joint = used[0] ? separator : Text.EMPTY;
            used[0] = true;
            return joint;
        };
    }

    private static Object raise(Arguments arguments, Rendering rendering) {
        Object message = arguments.bind("raise_exception", "message").required(0);
        throw new TemplateException(Printer.text(message, rendering).value());
    }
}

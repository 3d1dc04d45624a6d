package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

import static java.util.Map.entry;

/** Jinja's filters on lists and dicts. */
final class SequenceFilters {

    static final Map<String, Filter> ALL = Map.ofEntries(
            entry("list", (value, a, r) -> new ArrayList<>(Values.elements(value, r))),
            entry("items", (value, a, r) -> items(value, r)),
            entry("first", (value, a, r) -> first(value, r)),
            entry("last", (value, a, r) -> last(value, r)),
            entry("reverse", (value, a, r) -> reversed(value, r)),
            entry("join", SequenceFilters::join),
            entry("sort", SequenceFilters::sort),
            entry("dictsort", SequenceFilters::sortDict),
            entry("unique", SequenceFilters::unique),
            entry("min", (value, a, r) -> extreme("min", value, a, r)),
            entry("max", (value, a, r) -> extreme("max", value, a, r)),
            entry("sum", SequenceFilters::sum),
            entry("batch", SequenceFilters::batch),
            entry("map", SequenceFilters::map),
            entry("select", (value, a, r) -> select("select", value, a, r)),
            entry("reject", (value, a, r) -> select("reject", value, a, r)),
            entry("selectattr", (value, a, r) -> select("selectattr", value, a, r)),
            entry("rejectattr", (value, a, r) -> select("rejectattr", value, a, r)));

    private SequenceFilters() {}

    private static Generator items(Object value, Rendering rendering) {
        return new Generator(() -> switch (value) {
            case Undefined undefined -> List.of();
            case Map<?, ?> map -> DictMethods.items(map, rendering);
            case null, default ->
                throw new EvaluationException("Can only get item pairs from a mapping.");
        });
    }

    private static Object first(Object value, Rendering rendering) {
        Iterator<Object> items = Values.iterator(value, rendering);
        return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
    }

    private static Object last(Object value, Rendering rendering) {
        if (value instanceof Generator) {
            throw new EvaluationException("'generator' object is not reversible");
        }
        List<Object> items = Values.elements(value, rendering);
        return items.isEmpty()
                ? new Undefined("No last item, sequence was empty.")
                : items.getLast();
    }

    private static Object reversed(Object value, Rendering rendering) {
        if (value instanceof Text text) {
            return new Slicing(null, null, -1L).of(text, rendering);
        }
        List<Object> items = Values.elements(value, rendering);
        if (value instanceof Generator || value instanceof Undefined) {
            return new ArrayList<>(items.reversed());
        }
        return new Generator(items::reversed);
    }

    private static Text join(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("join", "d", "attribute");
        UnaryOperator<Object> key = key(bound.optional(1, null), true, rendering);
        Text separator = Printer.text(bound.optional(0, Text.EMPTY), rendering);
        TextBuilder out = new TextBuilder(rendering);
        boolean first = true;
        for (Object item : Values.elements(value, rendering)) {
            out.append(first ? Text.EMPTY : separator)
                    .append(Printer.text(key.apply(item), rendering));
            first = false;
        }
        return out.toText();
    }

    /** What an item is looked at by: an attribute path such as {@code a.b.0}, or itself. */
    private static UnaryOperator<Object> key(Object path, boolean caseSensitive,
            Rendering rendering) {
        List<Object> parts = parts(path);
        return item -> {
            Object value = item;
            for (Object part : parts) {
                value = Members.item(value, part, rendering);
            }
            return !caseSensitive && value instanceof Text text
                    ? text.changedTo(Strings.lower(text.value()))
                    : value;
        };
    }

    private static List<Object> parts(Object path) {
        if (path == null) {
            return List.of();
        }
        if (!(path instanceof Text text)) {
            return List.of(path);
        }
        List<Object> parts = new ArrayList<>();
        for (String part : text.value().split("\\.", -1)) {
            parts.add(part.matches("\\d{1,9}")
                    ? Long.valueOf(part)
                    : Text.of(part, text.trustedThroughout()));
        }
        return parts;
    }

    private static List<Object> sort(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("sort", "reverse", "case_sensitive", "attribute");
        List<UnaryOperator<Object>> keys = new ArrayList<>();
        if (bound.optional(2, null) instanceof Text paths) {
            for (String path : paths.value().split(",", -1)) {
                keys.add(key(Text.trusted(path), bound.flag(1), rendering));
            }
        } else {
            keys.add(key(bound.optional(2, null), bound.flag(1), rendering));
        }
        return sorted(Values.elements(value, rendering), bound.flag(0), rendering, item -> {
            List<Object> values = new ArrayList<>(keys.size());
            keys.forEach(key -> values.add(key.apply(item)));
            return values;
        });
    }

    private static List<Object> sortDict(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("dictsort", "case_sensitive", "by", "reverse");
        if (!(value instanceof Map<?, ?> map)) {
            throw new EvaluationException(
                    "dictsort needs a mapping, not " + Values.typeName(value));
        }
        String by = bound.has(1) ? bound.text(1).value() : "key";
        if (!by.equals("key") && !by.equals("value")) {
            throw new EvaluationException("You can only sort by either \"key\" or \"value\"");
        }
        Object position = by.equals("key") ? 0L : 1L;
        return sorted(DictMethods.items(map, rendering), bound.flag(2), rendering,
                key(position, bound.flag(0), rendering));
    }

    private static List<Object> sorted(List<Object> items, boolean descending, Rendering rendering,
            UnaryOperator<Object> key) {
        record Keyed(Object key, Object item) {}
        Comparator<Keyed> order = (a, b) -> Comparison.order(a.key(), b.key(), rendering);
        return items.stream().map(item -> new Keyed(key.apply(item), item))
                .sorted(descending ? order.reversed() : order)
                .map(Keyed::item).collect(ArrayList::new, List::add, List::addAll);
    }

    private static Generator unique(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("unique", "case_sensitive", "attribute");
        UnaryOperator<Object> key = key(bound.optional(1, null), bound.flag(0), rendering);
        return new Generator(() -> {
            Set<Object> seen = new HashSet<>();
            List<Object> unique = new ArrayList<>();
            for (Object item : Values.elements(value, rendering)) {
                if (seen.add(Values.key(key.apply(item)))) {
                    unique.add(item);
                }
            }
            return unique;
        });
    }

    private static Object extreme(String name, Object value, Arguments arguments,
            Rendering rendering) {
        Arguments.Bound bound = arguments.bind(name, "case_sensitive", "attribute");
        UnaryOperator<Object> key = key(bound.optional(1, null), bound.flag(0), rendering);
        List<Object> items = Values.elements(value, rendering);
        if (items.isEmpty()) {
            return new Undefined("No aggregated item, sequence was empty.");
        }
        String better = name.equals("min") ? "<" : ">";
        Object best = items.getFirst();
        for (Object item : items) {
            if (Comparison.ordered(better, key.apply(item), key.apply(best), rendering)) {
                best = item;
            }
        }
        return best;
    }

    private static Object sum(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("sum", "attribute", "start");
        UnaryOperator<Object> key = key(bound.optional(0, null), true, rendering);
        Object sum = bound.optional(1, 0L);
        for (Object item : Values.elements(value, rendering)) {
            sum = Arithmetic.apply("+", sum, key.apply(item), rendering);
        }
        return sum;
    }

    private static Generator batch(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("batch", "linecount", "fill_with");
        long size = Numbers.integer(bound.required(0));
        if (size < 1) {
            throw new EvaluationException("batch needs a line count of at least 1, not " + size);
        }
        return new Generator(() -> {
            List<Object> batches = new ArrayList<>();
            List<Object> batch = new ArrayList<>();
            for (Object item : Values.elements(value, rendering)) {
                if (batch.size() == size) {
                    batches.add(batch);
                    batch = new ArrayList<>();
                }
                batch.add(item);
            }
            if (!batch.isEmpty()) {
                rendering.chargeItems(size);
                while (bound.optional(1, null) != null && batch.size() < size) {
                    batch.add(bound.optional(1, null));
                }
                batches.add(batch);
            }
            return batches;
        });
    }

    private static Generator map(Object value, Arguments arguments, Rendering rendering) {
        UnaryOperator<Object> change = change(arguments, rendering);
        return new Generator(() -> {
            List<Object> mapped = new ArrayList<>();
            if (Values.truth(value)) {
                for (Object item : Values.elements(value, rendering)) {
                    mapped.add(change.apply(item));
                }
            }
            return mapped;
        });
    }

    private static UnaryOperator<Object> change(Arguments arguments, Rendering rendering) {
        if (arguments.positional().isEmpty()) {
            Arguments.Bound bound = arguments.bind("map", "attribute", "default");
            List<Object> parts = parts(bound.required(0));
            Object otherwise = bound.optional(1, null);
            return item -> {
                Object part = item;
                for (Object name : parts) {
                    part = Members.item(part, name, rendering);
                    part = part instanceof Undefined && otherwise != null ? otherwise : part;
                }
                return part;
            };
        }
        String name = String.valueOf(arguments.positional().getFirst());
        Filter filter = Filters.named(name);
        if (filter == null) {
            throw Filters.unknown(name);
        }
        Arguments rest = arguments.without(1);
        return item -> filter.apply(item, rest, rendering);
    }

    private static Generator select(String name, Object value, Arguments arguments,
            Rendering rendering) {
        boolean byAttribute = name.endsWith("attr");
        boolean wanted = name.startsWith("select");
        if (byAttribute && arguments.positional().isEmpty()) {
            throw new EvaluationException("Missing parameter for attribute name");
        }
        UnaryOperator<Object> key = key(byAttribute ? arguments.positional().getFirst() : null,
                true, rendering);
        Arguments rest = arguments.without(byAttribute ? 1 : 0);
        return new Generator(() -> {
            List<Object> selected = new ArrayList<>();
            if (Values.truth(value)) {
                for (Object item : Values.elements(value, rendering)) {
                    if (holds(key.apply(item), rest, rendering) == wanted) {
                        selected.add(item);
                    }
                }
            }
            return selected;
        });
    }

    private static boolean holds(Object value, Arguments testAndArguments, Rendering rendering) {
        if (testAndArguments.positional().isEmpty()) {
            return Values.truth(value);
        }
        String name = String.valueOf(testAndArguments.positional().getFirst());
        ValueTest test = ValueTests.named(name);
        if (test == null) {
            throw ValueTests.unknown(name);
        }
        return test.holds(value, testAndArguments.without(1), rendering);
    }
}

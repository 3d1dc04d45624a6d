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
            entry("list",
                    Filter.simple("list",
                            (value, r) -> new ArrayList<>(Values.elements(value, r)))),
            entry("items", Filter.simple("items", SequenceFilters::items)),
            entry("first", Filter.simple("first", SequenceFilters::first)),
            entry("last", Filter.simple("last", SequenceFilters::last)),
            entry("reverse", Filter.simple("reverse", SequenceFilters::reversed)),
            entry("join", SequenceFilters::join),
            entry("sort", SequenceFilters::sort),
            entry("dictsort", SequenceFilters::sortDict),
            entry("unique", SequenceFilters::unique),
            entry("min", (value, a, r) -> extreme("min", value, a, r)),
            entry("max", (value, a, r) -> extreme("max", value, a, r)),
            entry("sum", SequenceFilters::sum),
            entry("batch", SequenceFilters::batch));

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
        AttributePath path = AttributePath.of(bound.optional(1, null));
        Text separator = Printer.text(bound.optional(0, Text.EMPTY), rendering);
        TextBuilder out = new TextBuilder(rendering);
        boolean first = true;
        for (Object item : Values.elements(value, rendering)) {
            out.append(first ? Text.EMPTY : separator)
                    .append(Printer.text(path.in(item, rendering), rendering));
            first = false;
        }
        return out.toText();
    }

    private static List<Object> sort(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("sort", "reverse", "case_sensitive", "attribute");
        List<AttributePath> paths = AttributePath.several(bound.optional(2, null));
        return sorted(Values.elements(value, rendering), bound.flag(0), rendering, item -> {
            List<Object> keys = new ArrayList<>(paths.size());
            paths.forEach(path -> keys.add(path.keyOf(item, bound.flag(1), rendering)));
            return keys;
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
        AttributePath path = AttributePath.of(by.equals("key") ? 0L : 1L);
        return sorted(DictMethods.items(map, rendering), bound.flag(2), rendering,
                item -> path.keyOf(item, bound.flag(0), rendering));
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
        AttributePath path = AttributePath.of(bound.optional(1, null));
        return new Generator(() -> {
            Set<Object> seen = new HashSet<>();
            List<Object> unique = new ArrayList<>();
            for (Object item : Values.elements(value, rendering)) {
                if (seen.add(Values.key(path.keyOf(item, bound.flag(0), rendering)))) {
                    unique.add(item);
                }
            }
            return unique;
        });
    }

    private static Object extreme(String name, Object value, Arguments arguments,
            Rendering rendering) {
        Arguments.Bound bound = arguments.bind(name, "case_sensitive", "attribute");
        AttributePath path = AttributePath.of(bound.optional(1, null));
        List<Object> items = Values.elements(value, rendering);
        if (items.isEmpty()) {
            return new Undefined("No aggregated item, sequence was empty.");
        }
        String better = name.equals("min") ? "<" : ">";
        Object best = null;
        Object bestKey = null;
        for (Object item : items) {
            Object key = path.keyOf(item, bound.flag(0), rendering);
            if (bestKey == null || Comparison.ordered(better, key, bestKey, rendering)) {
                best = item;
                bestKey = key;
            }
        }
        return best;
    }

    private static Object sum(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("sum", "attribute", "start");
        AttributePath path = AttributePath.of(bound.optional(0, null));
        Object sum = bound.optional(1, 0L);
        for (Object item : Values.elements(value, rendering)) {
            sum = Arithmetic.apply("+", sum, path.in(item, rendering), rendering);
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
}

package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Python's {@code value[start:stop:step]}. */
final class Slicing {

    private final Object start;
    private final Object stop;
    private final Object step;

    /** Bounds are ints, or null where the template gives none. */
    Slicing(Object start, Object stop, Object step) {
        this.start = start;
        this.stop = stop;
        this.step = step;
    }

    Object of(Object value, Rendering rendering) {
        return switch (value) {
            case Text text -> of(text, rendering);
            case List<?> list -> of(list, rendering);
            case Tuple tuple -> new Tuple(of(tuple.items(), rendering));
            case Range range -> new Tuple(of(range.items(), rendering));
            case Undefined undefined -> throw undefined.refuse();
            case Map<?, ?> map -> throw new EvaluationException("unhashable type: 'slice'");
            // Jinja looks a slice up like any key, and such a key is never there.
            case null, default -> Undefined.member(value, "slice");
        };
    }

    private List<Object> of(List<?> list, Rendering rendering) {
        Bounds bounds = bounds(list.size());
        rendering.chargeItems(bounds.count());
        List<Object> items = new ArrayList<>(bounds.count());
        for (int i = 0; i < bounds.count(); i++) {
            items.add(list.get((int) (bounds.first() + i * bounds.step())));
        }
        return items;
    }

    private Text of(Text text, Rendering rendering) {
        String value = text.value();
        rendering.chargeText(value.length());
        Bounds bounds = bounds(value.codePointCount(0, value.length()));
        if (bounds.step() == 1) {
            int from = value.offsetByCodePoints(0, (int) bounds.first());
            return text.substring(from, value.offsetByCodePoints(from, bounds.count()));
        }
        TextBuilder builder = new TextBuilder(rendering);
        List<Object> characters = Values.elements(text, rendering);
        for (int i = 0; i < bounds.count(); i++) {
            builder.append((Text) characters.get((int) (bounds.first() + i * bounds.step())));
        }
        return builder.toText().withMarkup(text.markup());
    }

    private record Bounds(long first, int count, long step) {}

    /** Python's rules: out of range is no error, and what is negative counts from the end. */
    private Bounds bounds(int size) {
        long by = step == null ? 1 : Numbers.integer(step);
        if (by == 0) {
            throw new EvaluationException("slice step cannot be zero");
        }
        long first = by > 0
                ? clip(start, 0, 0, size, size)
                : clip(start, size - 1, -1, size - 1, size);
        long end = by > 0 ? clip(stop, size, 0, size, size) : clip(stop, -1, -1, size - 1, size);
        long distance = by > 0 ? end - first : first - end;
        long stride = Math.abs(Math.max(by, -Long.MAX_VALUE));
        long count = distance <= 0 ? 0 : 1 + (distance - 1) / stride;
        return new Bounds(count == 0 ? 0 : first, (int) count, by);
    }

    private static long clip(Object bound, long otherwise, long low, long high, int size) {
        if (bound == null) {
            return otherwise;
        }
        long index = Numbers.integer(bound);
        return Math.clamp(index < 0 ? index + size : index, low, high);
    }
}

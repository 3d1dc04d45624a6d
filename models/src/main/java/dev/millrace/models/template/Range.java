package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;

/** Python's range; {@link TemplateLimits#RANGE_ITEMS} bounds its size. */
record Range(long start, long stop, long step) {

    Range {
        if (step == 0) {
            throw new EvaluationException("range() arg 3 must not be zero");
        }
        long items = count(start, stop, step);
        if (items < 0 || items > TemplateLimits.RANGE_ITEMS) {
            throw new EvaluationException(
                    "range(" + start + ", " + stop + ", " + step + ") has more than "
                            + TemplateLimits.RANGE_ITEMS + " items");
        }
    }

    int size() {
        return (int) count(start, stop, step);
    }

    /** Whether the items are the same, however they are described. */
    boolean hasItemsOf(Range other) {
        int size = size();
        return size == other.size()
                && (size == 0 || start == other.start && (size == 1 || step == other.step));
    }

    List<Object> items() {
        int size = size();
        List<Object> items = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            items.add(start + i * step);
        }
        return items;
    }

    /** The number of items; negative where it does not fit a long. */
    private static long count(long start, long stop, long step) {
        if (step > 0 ? start >= stop : start <= stop) {
            return 0;
        }
        try {
            long distance = Math.subtractExact(stop, start);
            return Math.addExact(1, (distance - Long.signum(step)) / step);
        } catch (ArithmeticException e) {
            return -1;
        }
    }

    @Override
    public String toString() {
        String ends = "range(" + start + ", " + stop;
        return step == 1 ? ends + ")" : ends + ", " + step + ")";
    }
}

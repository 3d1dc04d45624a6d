package dev.millrace.engine.constrain;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/** States with frames, each pair once, in the order of arrival. */
final class ItemSet {

    /** Up to this many are compared one by one. */
    private static final int FEW = 16;

    /** A state and the frame of its rule; no frame where the state is {@link Frame#FINISH}. */
    record Item(int state, Frame frame) {

        private static final Comparator<Item> ORDER = Comparator.comparingInt(Item::state)
                .thenComparingLong(item -> item.frame == null ? -1 : item.frame.id());

        private boolean is(int otherState, Frame otherFrame) {
            return state == otherState && frame == otherFrame;
        }
    }

    private final List<Item> items = new ArrayList<>();
    private final Set<Item> known = new HashSet<>();

    void clear() {
        items.clear();
        known.clear();
    }

    int size() {
        return items.size();
    }

    Item get(int index) {
        return items.get(index);
    }

    /** @throws ConstraintException if there are too many */
    void add(int state, Frame frame) {
        if (items.size() <= FEW) {
            for (Item item : items) {
                if (item.is(state, frame)) {
                    return;
                }
            }
        }
        Item added = new Item(state, frame);
        if (items.size() == FEW) {
            known.addAll(items);
        }
        if (items.size() >= FEW && !known.add(added)) {
            return;
        }
        if (items.size() == GrammarLimits.PARALLEL_ITEMS) {
            throw new ConstraintException("the constraint can read the text so far in more than "
                    + GrammarLimits.PARALLEL_ITEMS + " ways; make it less ambiguous");
        }
        items.add(added);
    }

    void sort() {
        items.sort(Item.ORDER);
    }

    void keepWhere(Predicate<Item> wanted) {
        items.removeIf(wanted.negate());
    }

    int[] states() {
        return items.stream().mapToInt(Item::state).toArray();
    }

    Frame[] frames() {
        return items.stream().map(Item::frame).toArray(Frame[]::new);
    }
}

package dev.millrace.models.template;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;

/** The {@code loop} variable of one running for loop. */
final class LoopState implements TemplateFunction {

    /** Neither an item nor anything seen. */
    private static final Object NEVER = new Object();

    private final Iterator<Object> source;

    /** Items that were looked at before their turn. */
    private final Deque<Object> ahead = new ArrayDeque<>();
    private final int depth;
    private final TemplateFunction recursion;
    private int index = -1;
    private Object previous;
    private Object current;
    private Object lastSeen = NEVER;

    /**
     * @param depth     loops of the same recursion around this one
     * @param recursion what calling the loop does, or null for a loop that is not recursive
     */
    LoopState(Iterator<Object> source, int depth, TemplateFunction recursion) {
        this.source = source;
        this.depth = depth;
        this.recursion = recursion;
    }

    boolean hasNext() {
        return !ahead.isEmpty() || source.hasNext();
    }

    /** Moves on to the next item. */
    Object advance() {
        index++;
        previous = current;
        current = ahead.isEmpty() ? source.next() : unwrapped(ahead.remove());
        return current;
    }

    /** The number of items; looks at all of them. */
    int length() {
        while (source.hasNext()) {
            ahead.add(wrapped(source.next()));
        }
        return index + 1 + ahead.size();
    }

    /** @return the attribute, or {@link Members#ABSENT} */
    Object attribute(String name) {
        return switch (name) {
            case "index" -> index + 1L;
            case "index0" -> (long) index;
            case "revindex" -> (long) length() - index;
            case "revindex0" -> length() - index - 1L;
            case "first" -> index == 0;
            case "last" -> !hasNext();
            case "length" -> (long) length();
            case "depth" -> depth + 1L;
            case "depth0" -> (long) depth;
            case "previtem" -> index > 0 ? previous : new Undefined("there is no previous item");
            case "nextitem" -> hasNext() ? peek() : new Undefined("there is no next item");
            case "cycle" -> (TemplateFunction) this::cycle;
            case "changed" -> (TemplateFunction) this::changed;
            default -> Members.ABSENT;
        };
    }

    private Object peek() {
        if (ahead.isEmpty()) {
            ahead.add(wrapped(source.next()));
        }
        return unwrapped(ahead.peek());
    }

    /** A deque takes no null, which is None here. */
    private static Object wrapped(Object item) {
        return item == null ? NEVER : item;
    }

    private static Object unwrapped(Object item) {
        return item == NEVER ? null : item;
    }

    private Object cycle(Arguments arguments, Rendering rendering) {
        List<Object> choices = arguments.positional();
        if (choices.isEmpty()) {
            throw new EvaluationException("no items for cycling given");
        }
        return choices.get(index % choices.size());
    }

    private Object changed(Arguments arguments, Rendering rendering) {
        List<Object> seen = arguments.positional();
        boolean changed = lastSeen == NEVER || !Comparison.equal(lastSeen, seen, rendering);
        lastSeen = seen;
        return changed;
    }

    @Override
    public Object call(Arguments arguments, Rendering rendering) {
        if (recursion == null) {
            throw new EvaluationException(
                    "The loop must have the 'recursive' marker to be called recursively.");
        }
        return recursion.call(arguments, rendering);
    }

    @Override
    public String toString() {
        return "<LoopContext " + (index + 1) + "/" + length() + ">";
    }
}

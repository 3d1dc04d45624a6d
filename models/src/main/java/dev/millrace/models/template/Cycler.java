package dev.millrace.models.template;

import java.util.List;

/** Jinja's {@code cycler(...)}: gives its items in turn. */
final class Cycler {

    private final List<Object> items;
    private int position;

    Cycler(List<Object> items) {
        if (items.isEmpty()) {
            throw new EvaluationException("at least one item has to be provided");
        }
        this.items = items;
    }

    /** @return the attribute, or {@link Members#ABSENT} */
    Object attribute(String name) {
        return switch (name) {
            case "current" -> items.get(position);
            case "next" -> (TemplateFunction) (arguments, rendering) -> {
                Object current = items.get(position);
                position = (position + 1) % items.size();
                return current;
            };
            case "reset" -> (TemplateFunction) (arguments, rendering) -> {
                position = 0;
                return null;
            };
            default -> Members.ABSENT;
        };
    }
}

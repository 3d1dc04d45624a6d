package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;

/** The {@code attribute} of a filter, such as {@code 'function.name'} or {@code 'pair.0'}. */
final class AttributePath {

    /** The path that leads to the item itself. */
    static final AttributePath ITSELF = new AttributePath(List.of());

    private final List<Object> parts;

    private AttributePath(List<Object> parts) {
        this.parts = parts;
    }

    /** @param path a text with dots, any other key, or null for the item itself */
    static AttributePath of(Object path) {
        if (path == null) {
            return ITSELF;
        }
        if (!(path instanceof Text text)) {
            return new AttributePath(List.of(path));
        }
        List<Object> parts = new ArrayList<>();
        for (String part : text.value().split("\\.", -1)) {
            parts.add(part.matches("\\d{1,9}")
                    ? Long.valueOf(part)
                    : Text.of(part, text.trustedThroughout()));
        }
        return new AttributePath(parts);
    }

    /** Paths with commas between them. */
    static List<AttributePath> several(Object paths) {
        if (!(paths instanceof Text text)) {
            return List.of(of(paths));
        }
        List<AttributePath> several = new ArrayList<>();
        for (String path : text.value().split(",", -1)) {
            several.add(of(Text.of(path, text.trustedThroughout())));
        }
        return several;
    }

    Object in(Object item, Rendering rendering) {
        Object value = item;
        for (Object part : parts) {
            value = Members.item(value, part, rendering);
        }
        return value;
    }

    /** Like {@link #in}, with {@code otherwise} in place of whatever is undefined on the way. */
    Object in(Object item, Object otherwise, Rendering rendering) {
        Object value = item;
        for (Object part : parts) {
            value = Members.item(value, part, rendering);
            value = value instanceof Undefined ? otherwise : value;
        }
        return value;
    }

    /** What items are ordered and compared by: texts in lower case unless case matters. */
    Object keyOf(Object item, boolean caseMatters, Rendering rendering) {
        Object value = in(item, rendering);
        if (caseMatters || !(value instanceof Text text)) {
            return value;
        }
        rendering.chargeText(text.length());
        return text.changedTo(Strings.lower(text.value()));
    }
}

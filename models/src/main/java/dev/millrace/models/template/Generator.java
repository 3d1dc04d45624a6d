package dev.millrace.models.template;

import java.util.Iterator;
import java.util.List;
import java.util.function.Supplier;

/** Items that are made when first asked for and can be taken once, like Python's generators. */
final class Generator {

    private final Supplier<List<Object>> source;
    private Iterator<Object> items;

    Generator(Supplier<List<Object>> source) {
        this.source = source;
    }

    /** What nobody has taken yet; always the same iterator. */
    Iterator<Object> remaining() {
        if (items == null) {
            items = source.get().iterator();
        }
        return items;
    }
}

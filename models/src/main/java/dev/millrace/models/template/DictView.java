package dev.millrace.models.template;

import java.util.List;

/**
 * What a dict's {@code keys()}, {@code values()} and {@code items()} give: iterable, not indexable.
 *
 * @param type Python's name of the view
 */
record DictView(String type, List<Object> items) {}

package dev.millrace.server.store;

/**
 * Something that went into a response or came out of it.
 *
 * @param id     of the item, as clients refer to it
 * @param output whether it came out
 * @param object as JSON
 */
public record StoredItem(String id, boolean output, String object) {}

package dev.millrace.server.metering.budget;

/**
 * Who pays for a request.
 *
 * @param project or null
 * @param key     the key's name, or null where none is needed
 */
public record Payer(String team, String project, String key) {}

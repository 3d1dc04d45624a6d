package dev.millrace.server.openai;

/**
 * Who asks.
 *
 * @param tenant     whom to bill
 * @param connection on which the answer is awaited
 */
public record Caller(String tenant, ClientConnection connection) {}

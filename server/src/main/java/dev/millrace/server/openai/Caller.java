package dev.millrace.server.openai;

import dev.millrace.server.tenants.Identity;

/**
 * Who asks.
 *
 * @param identity   whom to bill, and what they may use
 * @param connection on which the answer is awaited
 */
public record Caller(Identity identity, ClientConnection connection) {}

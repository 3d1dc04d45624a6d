package dev.millrace.server.http;

import dev.millrace.server.openai.HttpLimits;

/**
 * Where and how a server listens.
 *
 * @param host   the address to bind to; a loopback address needs no keys, see {@link HostGuard}
 * @param port   0 for any free one
 * @param limits on connections and requests
 */
public record HttpSettings(String host, int port, HttpLimits limits) {}

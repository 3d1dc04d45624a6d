package dev.millrace.server.http;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;

/** Finds out whether an address can be listened on, before a model is loaded in vain. */
public final class PortCheck {

    private PortCheck() {}

    /** @throws ServerStartException if it cannot, with advice */
    public static void require(String host, int port) {
        try (ServerSocket _ = new ServerSocket(port, 1, InetAddress.getByName(host))) {
            // It is free, and is again when this closes.
        } catch (IOException e) {
            throw ServerStartException.of(host, port, e);
        }
    }
}

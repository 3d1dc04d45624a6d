package dev.millrace.server.wiring;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;

/** Finds out whether an address can be listened on, before a model is loaded in vain. */
final class PortCheck {

    private PortCheck() {}

    /** @throws IllegalArgumentException if it cannot; says what to change */
    static void require(String host, int port) {
        InetAddress address;
        try {
            address = InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("--host " + host + " is not an address of this"
                    + " machine; use 127.0.0.1 for this machine only or 0.0.0.0 for everybody", e);
        }
        try (ServerSocket socket = new ServerSocket(port, 1, address)) {
            socket.setReuseAddress(true);
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot listen on " + host + ":" + port + " ("
                    + e.getMessage() + "); choose another with --port, or 0 for any free one", e);
        }
    }
}

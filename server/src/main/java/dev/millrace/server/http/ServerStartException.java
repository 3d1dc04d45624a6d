package dev.millrace.server.http;

import java.net.BindException;
import java.util.Locale;

/** A server that cannot listen; the message tells the user what to do. */
public final class ServerStartException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    ServerStartException(String message) {
        super(message);
    }

    ServerStartException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Turns the operating system's few words into advice. */
    static ServerStartException of(String host, int port, Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String reason = String.valueOf(root.getMessage());
        String words = reason.toLowerCase(Locale.ROOT);
        if (words.contains("permission denied")) {
            return new ServerStartException("port " + port + " of " + host
                    + " needs special rights, as all below 1024 do; choose another with --port",
                    failure);
        }
        if (root instanceof BindException && words.contains("in use")) {
            return new ServerStartException("port " + port + " of " + host
                    + " is in use; choose another with --port", failure);
        }
        return new ServerStartException("cannot listen on " + host + ", port " + port + ": "
                + root.getClass().getSimpleName() + ": " + reason
                + "; --host must name an address of this machine", failure);
    }
}

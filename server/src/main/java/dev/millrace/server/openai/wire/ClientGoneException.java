package dev.millrace.server.openai.wire;

import java.io.IOException;

/** The client closed its connection before the answer was complete. */
public final class ClientGoneException extends IOException {

    private static final long serialVersionUID = 1L;

    ClientGoneException() {
        super("the client closed its connection before the answer was complete");
    }
}

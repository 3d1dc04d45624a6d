package dev.millrace.server.responses;

import java.io.IOException;
import tools.jackson.databind.node.ObjectNode;

/** Where the events of a response go. */
interface EventOutput {

    /** For a client that wants the response alone. */
    EventOutput NONE = new EventOutput() {

        @Override
        public void event(ObjectNode event) {
            // Nobody hears of it before it is complete.
        }

        @Override
        public void keepAlive() {
            // Nor that it is under way.
        }

        @Override
        public boolean started() {
            return false;
        }
    };

    /** An event; its name is its {@code type}. @throws IOException if the client vanished */
    void event(ObjectNode event) throws IOException;

    /** Nothing has come for a moment. */
    void keepAlive() throws IOException;

    /** Whether the client has been sent anything. */
    boolean started();
}

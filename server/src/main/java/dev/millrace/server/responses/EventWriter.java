package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import tools.jackson.databind.node.ObjectNode;

/** Numbers the events of one response and sends them. */
final class EventWriter {

    private final EventOutput output;
    private int sent;

    EventWriter(EventOutput output) {
        this.output = output;
    }

    /** A new event, to be filled and sent before the next. */
    ObjectNode event(String type) {
        return Json.object().put("type", type).put("sequence_number", sent);
    }

    void send(ObjectNode event) throws IOException {
        sent++;
        output.event(event);
    }
}

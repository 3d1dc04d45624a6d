package dev.millrace.server.responses;

import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.OpenApiDescription;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** Reads streams of events, each of which must be numbered and as OpenAI describes it. */
final class ResponseEventList {

    private static final OpenApiDescription DESCRIPTION = description();

    private ResponseEventList() {}

    private static OpenApiDescription description() {
        String folder = System.getenv("MILLRACE_TEST_DATA");
        try {
            return folder == null
                    ? null
                    : new OpenApiDescription(Path.of(folder, "openapi",
                            "openai-openapi-2.3.0.json"));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    static void expectConforming(JsonNode value, String schema) {
        if (DESCRIPTION != null) {
            assertThat(DESCRIPTION.complaints(value, schema)).as(value.toString()).isEmpty();
        }
    }

    /** The events of a stream, each named like its type. */
    static List<JsonNode> read(String stream) {
        List<JsonNode> events = new ArrayList<>();
        for (String frame : stream.split("\n\n")) {
            String[] lines = frame.split("\n");
            assertThat(lines).as(frame).hasSize(2);
            JsonNode event = LiveServer.json(lines[1].substring("data: ".length()));
            assertThat(lines[0]).isEqualTo("event: " + type(event));
            events.add(event);
        }
        expectConforming(events);
        return events;
    }

    static void expectConforming(List<JsonNode> events) {
        for (int i = 0; i < events.size(); i++) {
            JsonNode event = events.get(i);
            assertThat(event.get("sequence_number").intValue()).isEqualTo(i);
            expectConforming(event, schema(type(event)));
        }
    }

    /** The description's name for an event, such as ResponseTextDeltaEvent. */
    private static String schema(String type) {
        StringBuilder name = new StringBuilder("Response");
        for (String word : type.replace("response.", "").replace("output_text", "text")
                .split("[._]")) {
            name.append(Character.toUpperCase(word.charAt(0))).append(word.substring(1));
        }
        return name.append("Event").toString();
    }

    static String type(JsonNode event) {
        return event.get("type").stringValue();
    }
}

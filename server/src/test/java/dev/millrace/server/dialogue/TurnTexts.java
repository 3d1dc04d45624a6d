package dev.millrace.server.dialogue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import tools.jackson.databind.json.JsonMapper;

/** Reads texts as turns, in one piece or in many, and writes down what came of them. */
final class TurnTexts {

    static final ThinkingMarkers THINK = new ThinkingMarkers("<think>", "</think>");

    private TurnTexts() {}

    static TurnParser calls(ToolFormat format) {
        return CallReader.of(format, new ToolUse(List.of(tool("f", "{\"type\": \"object\"}"),
                tool("get_weather", """
                        {"type": "object", "properties": {"city": {"type": "string"},
                         "days": {"type": "integer"}, "note": {"type": ["string", "null"]},
                         "unit": {"enum": ["C", "F", null]}}}""")), false, true));
    }

    static TurnParser thinking(boolean opened, ToolFormat format) {
        return new ThinkingParser(THINK, opened, calls(format));
    }

    static Tool tool(String name, String schema) {
        return new Tool(name, "", new JsonMapper().readTree(schema), false);
    }

    /** One event after the other, neighbours of a kind joined. */
    static String read(TurnParser parser, List<String> pieces) {
        List<TurnEvent> events = new ArrayList<>();
        pieces.forEach(piece -> parser.accept(piece, events::add));
        parser.finish(events::add);
        StringBuilder told = new StringBuilder();
        String kind = "";
        for (TurnEvent event : events) {
            String next = switch (event) {
                case TurnEvent.Thought _ -> "thought ";
                case TurnEvent.Content _ -> "content ";
                case TurnEvent.CallBegun begun -> "call " + begun.call() + " " + begun.name();
                case TurnEvent.Arguments _ -> " ";
                case TurnEvent.CallEnded _ -> " ended";
                case TurnEvent.CallBroken _ -> " broken ";
            };
            if (!next.equals(kind)) {
                told.append(next.startsWith(" ") || told.isEmpty() ? "" : "|").append(next);
            }
            kind = next;
            told.append(switch (event) {
                case TurnEvent.Thought piece -> piece.text();
                case TurnEvent.Content piece -> piece.text();
                case TurnEvent.Arguments piece -> piece.piece();
                case TurnEvent.CallBroken broken -> broken.text();
                default -> "";
            });
        }
        return told.toString();
    }

    static List<String> cut(String text, Random random) {
        List<String> pieces = new ArrayList<>();
        int at = 0;
        while (at < text.length()) {
            int end = Math.min(text.length(), at + 1 + random.nextInt(6));
            pieces.add(text.substring(at, end));
            at = end;
        }
        return pieces;
    }
}

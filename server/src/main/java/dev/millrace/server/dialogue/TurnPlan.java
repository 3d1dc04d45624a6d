package dev.millrace.server.dialogue;

import java.util.Map;
import java.util.function.Supplier;

/**
 * How a request's turns are to be read.
 *
 * @param parsers a new parser for each turn
 * @param markers control tokens, with the text that the parser knows them by
 * @param callIds new ids for calls
 */
public record TurnPlan(Supplier<TurnParser> parsers, Map<Integer, String> markers,
        Supplier<String> callIds) {

    /** All is content. */
    public static final TurnPlan PLAIN = new TurnPlan(TurnParser::plain, Map.of(), () -> {
        throw new IllegalStateException("plain text calls nothing");
    });
}

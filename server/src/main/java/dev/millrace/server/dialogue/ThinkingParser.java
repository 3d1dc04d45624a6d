package dev.millrace.server.dialogue;

import java.util.function.Consumer;

/** Parts the thought that a turn may begin with from the rest, which another parser gets. */
final class ThinkingParser implements TurnParser {

    private enum Place {
        BEFORE,
        THINKING,
        AFTER_THOUGHT,
        REST
    }

    private final String open;
    private final TurnParser rest;
    private final MarkerSearch closing;
    private final StringBuilder held = new StringBuilder(); // what may belong to a marker
    private final StringBuilder space = new StringBuilder(); // after which the thought may end
    private Place place;
    private int openMatched;
    private boolean said; // whether the thought has any text yet

    /** @param opened whether the prompt has opened the thought */
    ThinkingParser(ThinkingMarkers markers, boolean opened, TurnParser rest) {
        this.open = markers.open();
        this.rest = rest;
        closing = new MarkerSearch(markers.close());
        place = opened ? Place.THINKING : Place.BEFORE;
    }

    @Override
    public boolean thinking() {
        return place == Place.THINKING || rest.thinking();
    }

    @Override
    public void accept(String text, Consumer<TurnEvent> events) {
        StringBuilder thought = new StringBuilder();
        int at = 0;
        while (at < text.length() && place != Place.REST) {
            char character = text.charAt(at);
            switch (place) {
                case BEFORE -> at += before(character, events);
                case THINKING -> {
                    think(character, thought);
                    at++;
                }
                case AFTER_THOUGHT -> {
                    if (Character.isWhitespace(character)) {
                        at++;
                    } else {
                        place = Place.REST;
                    }
                }
                case REST -> throw new IllegalStateException("the rest is not read here");
            }
        }
        tell(thought, events);
        if (at < text.length()) {
            rest.accept(text.substring(at), events);
        }
    }

    /** @return how many characters were taken: one, or none where there is no thought */
    private int before(char character, Consumer<TurnEvent> events) {
        if (openMatched == 0 && Character.isWhitespace(character)) {
            held.append(character);
            return 1;
        }
        if (character != open.charAt(openMatched)) {
            place = Place.REST;
            rest.accept(takeHeld(), events);
            return 0;
        }
        held.append(character);
        if (++openMatched == open.length()) {
            held.setLength(0);
            place = Place.THINKING;
        }
        return 1;
    }

    private void think(char character, StringBuilder thought) {
        held.append(character);
        if (closing.accept(character)) {
            held.setLength(0);
            place = Place.AFTER_THOUGHT;
            return;
        }
        int certain = held.length() - closing.matched();
        for (int i = 0; i < certain; i++) {
            say(held.charAt(i), thought);
        }
        held.delete(0, certain);
    }

    /** Space after the opening and before the closing marker belongs to the format. */
    private void say(char character, StringBuilder thought) {
        if (Character.isWhitespace(character)) {
            if (said) {
                space.append(character);
            }
            return;
        }
        said = true;
        thought.append(space).append(character);
        space.setLength(0);
    }

    private static void tell(StringBuilder thought, Consumer<TurnEvent> events) {
        if (!thought.isEmpty()) {
            events.accept(new TurnEvent.Thought(thought.toString()));
        }
    }

    private String takeHeld() {
        String text = held.toString();
        held.setLength(0);
        return text;
    }

    @Override
    public void finish(Consumer<TurnEvent> events) {
        String left = takeHeld();
        if (place == Place.BEFORE) {
            rest.accept(left, events);
        } else if (place == Place.THINKING) {
            StringBuilder thought = new StringBuilder();
            left.chars().forEach(character -> say((char) character, thought));
            tell(thought, events);
        }
        rest.finish(events);
    }
}

package dev.millrace.server.dialogue;

import dev.millrace.server.dialogue.JsonScanner.Part;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads turns in OpenAI's harmony format: messages with a header that names the channel and perhaps
 * a recipient. What is on the analysis channel is a thought, what goes to a function is a call.
 */
final class HarmonyParser implements TurnParser {

    private static final String MESSAGE = "<|message|>";
    private static final Set<String> TAGS = Set.of(MESSAGE, "<|channel|>", "<|constrain|>",
            "<|start|>", "<|end|>", "<|call|>", "<|return|>");
    private static final Set<String> ENDS = Set.of("<|start|>", "<|end|>", "<|call|>",
            "<|return|>");
    private static final int TAG_CHARACTERS = 13;
    private static final int HEADER_CHARACTERS = 256;
    private static final Pattern HEADER = Pattern.compile("(?:<\\|start\\|>)?(?:assistant)?"
            + "(?: ?to=(\\S+?))?<\\|channel\\|>(analysis|commentary|final)(?: ?to=(\\S+?))?"
            + "(?: ?<\\|constrain\\|> ?\\w+| \\w+)?\\s*");
    private static final String FUNCTIONS = "functions.";

    private enum Place {
        HEADER,
        THOUGHT,
        CONTENT,
        CALL,
        AFTER_CALL
    }

    private final Set<String> names;
    private final StringBuilder tag = new StringBuilder(); // what may be one
    private final StringBuilder header = new StringBuilder(); // with its tags
    private final StringBuilder raw = new StringBuilder(); // of a call, from its header on
    private final StringBuilder text = new StringBuilder(); // certain and not told yet
    private Place place = Place.HEADER;
    private JsonScanner arguments;
    private boolean begun; // whether the call has been told of
    private int calls;
    private Consumer<TurnEvent> events;

    /** @param names of the functions that may be called */
    HarmonyParser(Set<String> names) {
        this.names = Set.copyOf(names);
    }

    @Override
    public boolean thinking() {
        return place == Place.THOUGHT;
    }

    @Override
    public void accept(String piece, Consumer<TurnEvent> sink) {
        events = sink;
        for (int i = 0; i < piece.length(); i++) {
            take(piece.charAt(i));
        }
        tell();
    }

    private void take(char character) {
        if (tag.isEmpty() && character != '<') {
            character(character);
            return;
        }
        tag.append(character);
        String read = tag.toString();
        if (TAGS.contains(read)) {
            tag.setLength(0);
            tag(read);
        } else if (tag.length() > TAG_CHARACTERS || TAGS.stream().noneMatch(
                known -> known.startsWith(read))) {
            tag.setLength(0);
            character(read.charAt(0));
            read.substring(1).chars().forEach(later -> take((char) later));
        }
    }

    private void tag(String read) {
        if (place == Place.HEADER) {
            if (read.equals(MESSAGE)) {
                beginMessage();
            } else if (!read.equals("<|end|>") || !header.isEmpty()) {
                addToHeader(read);
            }
        } else if (ENDS.contains(read)) {
            endMessage();
            if (read.equals("<|start|>")) {
                header.append(read);
            }
        } else {
            read.chars().forEach(character -> character((char) character));
        }
    }

    private void character(char character) {
        switch (place) {
            case HEADER -> addToHeader(String.valueOf(character));
            case THOUGHT, CONTENT -> text.append(character);
            case CALL -> argument(character);
            case AFTER_CALL -> {
                if (!Character.isWhitespace(character)) {
                    place = Place.CONTENT;
                    text.append(character);
                }
            }
        }
    }

    /** What cannot be a header is what the model says without one. */
    private void addToHeader(String piece) {
        header.append(piece);
        boolean begins = "<|start|>assistant to=".startsWith(header.toString())
                || "assistant to=".startsWith(header.toString())
                || " to=".startsWith(header.toString()) || header.indexOf("to=") >= 0
                || header.indexOf("<|channel|>") >= 0;
        if (!begins || header.length() > HEADER_CHARACTERS) {
            sayHeader();
        }
    }

    private void sayHeader() {
        place = Place.CONTENT;
        text.append(header);
        header.setLength(0);
    }

    private void beginMessage() {
        Matcher parts = HEADER.matcher(header);
        if (!parts.matches()) {
            header.append(MESSAGE);
            sayHeader();
            return;
        }
        String recipient = parts.group(1) == null ? parts.group(3) : parts.group(1);
        if (recipient == null) {
            place = parts.group(2).equals("analysis") ? Place.THOUGHT : Place.CONTENT;
        } else if (recipient.startsWith(FUNCTIONS)
                && names.contains(recipient.substring(FUNCTIONS.length()))) {
            beginCall(recipient.substring(FUNCTIONS.length()));
        } else {
            header.append(MESSAGE);
            sayHeader();
        }
        header.setLength(0);
    }

    private void beginCall(String name) {
        tell();
        events.accept(new TurnEvent.CallBegun(calls, name));
        begun = true;
        raw.append(header).append(MESSAGE);
        arguments = new JsonScanner();
        place = Place.CALL;
    }

    private void argument(char character) {
        boolean first = raw.charAt(raw.length() - 1) == '>' && text.isEmpty();
        if (first && Character.isWhitespace(character)) {
            return;
        }
        Part part = arguments.accept(character);
        if (part == Part.WRONG) {
            breakOff();
            character(character);
            return;
        }
        raw.append(character);
        text.append(character);
        if (part == Part.END) {
            tell();
            events.accept(new TurnEvent.CallEnded(calls++));
            begun = false;
            raw.setLength(0);
            place = Place.AFTER_CALL;
        }
    }

    private void breakOff() {
        tell();
        events.accept(new TurnEvent.CallBroken(calls++, raw.toString()));
        begun = false;
        raw.setLength(0);
        place = Place.CONTENT;
    }

    private void endMessage() {
        if (begun) {
            breakOff();
        }
        tell();
        place = Place.HEADER;
    }

    private void tell() {
        if (!text.isEmpty()) {
            events.accept(switch (place) {
                case THOUGHT -> new TurnEvent.Thought(text.toString());
                case CALL -> new TurnEvent.Arguments(calls, text.toString());
                default -> new TurnEvent.Content(text.toString());
            });
            text.setLength(0);
        }
    }

    @Override
    public void finish(Consumer<TurnEvent> sink) {
        events = sink;
        String left = tag.toString();
        tag.setLength(0);
        left.chars().forEach(character -> character((char) character));
        if (place == Place.HEADER && header.indexOf("<|channel|>") < 0
                && header.indexOf("<|start|>") < 0) {
            sayHeader();
        }
        tell();
    }
}

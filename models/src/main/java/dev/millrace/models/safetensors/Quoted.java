package dev.millrace.models.safetensors;

/** Text out of a file, for messages. */
final class Quoted {

    private static final int MOST_CHARACTERS = 120;

    private Quoted() {}

    /** The file's own text, made harmless for a terminal and short enough for a message. */
    static String text(String text) {
        int shown = Math.min(text.length(), MOST_CHARACTERS);
        StringBuilder quoted = new StringBuilder(shown + 8).append('"');
        for (int i = 0; i < shown; i++) {
            char c = text.charAt(i);
            quoted.append(Character.isISOControl(c) ? '?' : c);
        }
        return quoted.append(shown < text.length() ? "...\"" : "\"").toString();
    }
}

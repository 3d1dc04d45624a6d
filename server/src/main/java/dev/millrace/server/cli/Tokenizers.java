package dev.millrace.server.cli;

import java.util.Arrays;

/** The token ids that users write. */
final class Tokenizers {

    private Tokenizers() {}

    /**
     * Reads ids separated by commas or blanks.
     *
     * @throws IllegalArgumentException for what is no id of the vocabulary
     */
    static int[] parseIds(String text, int vocabularySize) {
        return Arrays.stream(text.strip().split("[,\\s]+")).filter(id -> !id.isEmpty())
                .mapToInt(id -> parseId(id, vocabularySize)).toArray();
    }

    private static int parseId(String text, int vocabularySize) {
        try {
            int id = Integer.parseInt(text);
            if (id >= 0 && id < vocabularySize) {
                return id;
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("\"" + text + "\" is not a token id; ids run from 0"
                    + " to " + (vocabularySize - 1), e);
        }
        throw new IllegalArgumentException("there is no token " + text + "; ids run from 0 to "
                + (vocabularySize - 1));
    }
}

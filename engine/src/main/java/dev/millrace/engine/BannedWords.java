package dev.millrace.engine;

import dev.millrace.models.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Finds the token sequences that words must not be said by, for {@link TokenRules#banned}. */
public final class BannedWords {

    private BannedWords() {}

    /**
     * Spells each word as it is and with one space before it, as it stands within a text; like
     * vLLM's {@code bad_words}. Other spellings of the same text in other tokens remain possible.
     */
    public static List<int[]> of(List<String> words, Tokenizer tokenizer) {
        List<int[]> sequences = new ArrayList<>();
        for (String word : words) {
            if (word.isEmpty()) {
                throw new IllegalArgumentException("a bad word must not be empty");
            }
            add(tokenizer.encode(word, false), sequences);
            add(tokenizer.encode(" " + word.stripLeading(), false), sequences);
        }
        return sequences;
    }

    private static void add(int[] sequence, List<int[]> sequences) {
        if (sequence.length > 0
                && sequences.stream().noneMatch(known -> Arrays.equals(known, sequence))) {
            sequences.add(sequence);
        }
    }
}

package dev.millrace.models.text;

import java.util.Arrays;

/**
 * The tokens of pieces that were met before. Each piece has one place, where the latest stays.
 * Threads share it without locks: entries never change, so a race loses an entry and nothing else.
 */
final class WordCache {

    /** Longer pieces are rare, and storing them would let one text fill the memory. */
    static final int MAX_WORD_BYTES = 48;
    static final int MAX_WORD_TOKENS = 48;

    private static final int ENTRIES = 1 << 15;

    private record Entry(long hash, byte[] word, int[] tokens) {}

    private final Entry[] entries = new Entry[ENTRIES];

    /** The tokens of a piece, or null. */
    int[] find(long hash, byte[] text, int from, int to) {
        Entry entry = entries[place(hash)];
        return entry != null && entry.hash == hash
                && Arrays.equals(entry.word, 0, entry.word.length, text, from, to)
                        ? entry.tokens
                        : null;
    }

    void put(long hash, byte[] text, int from, int to, int[] tokens) {
        if (tokens.length <= MAX_WORD_TOKENS) {
            entries[place(hash)] = new Entry(hash, Arrays.copyOfRange(text, from, to), tokens);
        }
    }

    private static int place(long hash) {
        return (int) (hash >>> 40) & ENTRIES - 1;
    }
}

package dev.millrace.models.text;

import java.util.Arrays;

/** Token ids in the making. */
public final class TokenBuffer {

    private int[] tokens = new int[64];
    private int size;

    /** Appends a token. */
    public void add(int token) {
        if (size == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * size);
        }
        tokens[size++] = token;
    }

    void addAll(int[] added) {
        if (tokens.length - size < added.length) {
            tokens = Arrays.copyOf(tokens, Math.max(2 * tokens.length, size + added.length));
        }
        // Most words are one to three tokens: a loop is quicker than a copy.
        for (int i = 0; i < added.length; i++) {
            tokens[size + i] = added[i];
        }
        size += added.length;
    }

    void clear() {
        size = 0;
    }

    int size() {
        return size;
    }

    /** The tokens from this index on. */
    int[] from(int index) {
        return Arrays.copyOfRange(tokens, index, size);
    }

    /** All tokens so far. */
    public int[] toArray() {
        return Arrays.copyOf(tokens, size);
    }
}

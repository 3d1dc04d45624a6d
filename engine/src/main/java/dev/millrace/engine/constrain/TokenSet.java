package dev.millrace.engine.constrain;

import java.util.Arrays;

/** A set of tokens: a list where there are few, a bit for each of the vocabulary otherwise. */
final class TokenSet {

    private final int[] few; // null where there are many
    private final long[] many; // (words), null where there are few

    private TokenSet(int[] few, long[] many) {
        this.few = few;
        this.many = many;
    }

    /** @param words of a mask; a list that would take more than half of it becomes one */
    static TokenSet of(IntList tokens, int words) {
        if (tokens.size() <= words) {
            return new TokenSet(tokens.sorted(), null);
        }
        long[] many = new long[words];
        for (int i = 0; i < tokens.size(); i++) {
            many[tokens.get(i) >> 6] |= 1L << tokens.get(i);
        }
        return new TokenSet(null, many);
    }

    /** Sets the tokens' bits in a mask. */
    void addTo(long[] mask) {
        if (few == null) {
            for (int word = 0; word < many.length; word++) {
                mask[word] |= many[word];
            }
        } else {
            for (int token : few) {
                mask[token >> 6] |= 1L << token;
            }
        }
    }

    boolean isEmpty() {
        return few != null && few.length == 0;
    }

    long bytes() {
        return few == null ? 8L * many.length : 4L * few.length;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TokenSet set && Arrays.equals(few, set.few)
                && Arrays.equals(many, set.many);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(few) + Arrays.hashCode(many);
    }
}

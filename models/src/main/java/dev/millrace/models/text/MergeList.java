package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;

/** The merges of a byte-pair vocabulary, in the order in which they apply. */
public final class MergeList {

    private final Vocabulary vocabulary;
    private final MergeTable table;
    private final int most;
    private int rank;
    private boolean mergesByteTokens;

    /** @param most how many will be added, at most */
    public MergeList(Vocabulary vocabulary, int most) {
        this.vocabulary = vocabulary;
        this.most = most;
        this.table = new MergeTable(most);
    }

    /**
     * Adds the next merge. One whose result is a special token is left out, so that no text spells
     * one; of equals the first counts.
     *
     * @throws IllegalArgumentException if one of the pieces is empty, or it or what they become is
     *                                  not in the vocabulary: such a merge could go round in
     *                                  circles
     */
    public void add(byte[] left, byte[] right) {
        if (rank == most) {
            throw new IllegalStateException("more merges than the " + most + " announced");
        }
        byte[] merged = new byte[left.length + right.length];
        System.arraycopy(left, 0, merged, 0, left.length);
        System.arraycopy(right, 0, merged, left.length, right.length);
        int leftToken = find(left);
        int rightToken = find(right);
        int mergedToken = find(merged);
        Kind kind = vocabulary.kind(mergedToken);
        boolean spellable = kind == Kind.NORMAL || kind == Kind.USER_DEFINED;
        if (spellable && !table.has(leftToken, rightToken)) {
            table.put(leftToken, rightToken, rank, mergedToken);
            mergesByteTokens |= vocabulary.kind(leftToken) == Kind.BYTE
                    || vocabulary.kind(rightToken) == Kind.BYTE;
        }
        rank++;
    }

    private int find(byte[] piece) {
        int token = piece.length == 0 ? -1 : vocabulary.find(piece, 0, piece.length);
        if (token < 0) {
            throw new IllegalArgumentException("merge " + rank + " is about the piece \""
                    + ByteAlphabet.spell(piece) + "\", which the vocabulary lacks");
        }
        return token;
    }

    /** Whether tokens that stand for one byte take part. */
    boolean mergesByteTokens() {
        return mergesByteTokens;
    }

    MergeTable table() {
        return table;
    }
}

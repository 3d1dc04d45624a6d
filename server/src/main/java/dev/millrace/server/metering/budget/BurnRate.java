package dev.millrace.server.metering.budget;

import java.time.Duration;

/** What was spent in the last hour, or day, in a ring of equal pieces of time. Not thread-safe. */
final class BurnRate {

    private static final int PIECES = 24;

    private final long pieceMillis;
    private final long[] spent = new long[PIECES];
    private long newest = Long.MIN_VALUE;

    BurnRate(Duration window) {
        pieceMillis = window.toMillis() / PIECES;
    }

    /** Length of the window in milliseconds. */
    long windowMillis() {
        return pieceMillis * PIECES;
    }

    /** Length of a piece in milliseconds. */
    long pieceMillis() {
        return pieceMillis;
    }

    void add(long atMillis, long nanoUsd) {
        long piece = Math.floorDiv(atMillis, pieceMillis);
        advance(piece);
        if (piece > newest - PIECES) {
            spent[Math.floorMod(piece, PIECES)] += nanoUsd;
        }
    }

    /** Sum over the window up to now. */
    long spent(long nowMillis) {
        advance(Math.floorDiv(nowMillis, pieceMillis));
        long sum = 0;
        for (long one : spent) {
            sum += one;
        }
        return sum;
    }

    private void advance(long piece) {
        if (newest == Long.MIN_VALUE) {
            newest = piece;
        }
        for (long next = Math.max(newest + 1, piece - PIECES + 1); next <= piece; next++) {
            spent[Math.floorMod(next, PIECES)] = 0;
        }
        newest = Math.max(newest, piece);
    }
}

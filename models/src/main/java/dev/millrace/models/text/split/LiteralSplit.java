package dev.millrace.models.text.split;

import java.util.Arrays;

/** Cuts where a fixed text stands. */
final class LiteralSplit implements SplitRule {

    /** What becomes of the fixed text. */
    enum Behavior {
        ISOLATED,
        REMOVED,
        MERGED_WITH_PREVIOUS,
        MERGED_WITH_NEXT
    }

    private final byte[] literal;
    private final Behavior behavior;

    /** @param literal not empty */
    LiteralSplit(byte[] literal, Behavior behavior) {
        this.literal = literal.clone();
        this.behavior = behavior;
    }

    @Override
    public int end(byte[] text, int from, int limit) {
        boolean begins = standsAt(text, from, limit);
        if (begins && behavior != Behavior.MERGED_WITH_NEXT) {
            return from + literal.length;
        }
        int at = from + (begins ? literal.length : 1);
        while (at < limit && !standsAt(text, at, limit)) {
            at++;
        }
        return at < limit && behavior == Behavior.MERGED_WITH_PREVIOUS ? at + literal.length : at;
    }

    @Override
    public boolean keeps(byte[] text, int from, int to) {
        return behavior != Behavior.REMOVED || !standsAt(text, from, to);
    }

    private boolean standsAt(byte[] text, int at, int limit) {
        return text[at] == literal[0] && limit - at >= literal.length
                && Arrays.equals(text, at, at + literal.length, literal, 0, literal.length);
    }
}

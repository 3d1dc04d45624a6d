package dev.millrace.engine.constrain;

import java.util.Objects;

/**
 * A turn whose thought may have so many tokens: when it has had them, its end is forced. The count
 * begins with the first token, so it covers what opens the thought, and stops where the text can no
 * longer be within it.
 */
public final class ThoughtLimit implements CompletionConstraint {

    private final TokenConstraint turn;
    private final TokenConstraint thought;
    private final TokenConstraint closing;
    private final int tokens;

    /**
     * Combines constraints that were compiled for the same tokens.
     *
     * @param turn    what the whole turn must satisfy; lets a thought end after any character
     * @param thought all texts that are still within the thought
     * @param closing the text that ends it
     * @param tokens  most tokens of the thought before its end, at least 0
     */
    public ThoughtLimit(TokenConstraint turn, TokenConstraint thought, TokenConstraint closing,
            int tokens) {
        this.turn = Objects.requireNonNull(turn, "turn");
        this.thought = Objects.requireNonNull(thought, "thought");
        this.closing = Objects.requireNonNull(closing, "closing");
        this.tokens = tokens;
        if (tokens < 0) {
            throw new IllegalArgumentException("tokens must be at least 0, got " + tokens);
        }
    }

    @Override
    public int vocabularySize() {
        return turn.vocabularySize();
    }

    @Override
    public CompletionMatcher start() {
        return new Matcher(turn.start(), thought.start(), 0, null);
    }

    /** Where one completion stands. */
    private final class Matcher implements CompletionMatcher {

        private final ConstraintMatcher whole;
        private ConstraintMatcher inside; // null where the thought is over
        private int spent;
        private ConstraintMatcher forced; // null where its end is not forced
        private long[] forcedMask; // made when it is first needed

        Matcher(ConstraintMatcher whole, ConstraintMatcher inside, int spent,
                ConstraintMatcher forced) {
            this.whole = whole;
            this.inside = inside;
            this.spent = spent;
            this.forced = forced;
            forceIfSpent();
        }

        @Override
        public CompletionMatcher fork() {
            return new Matcher(whole.fork(), inside == null ? null : inside.fork(), spent,
                    forced == null ? null : forced.fork());
        }

        @Override
        public int maskWords() {
            return whole.maskWords();
        }

        @Override
        public void accept(int token) {
            whole.accept(token);
            if (forced != null) {
                forced.accept(token);
                if (forced.isComplete()) {
                    forced = null;
                }
            } else if (inside != null) {
                think(token);
            }
        }

        private void think(int token) {
            try {
                inside.accept(token);
                spent++;
                forceIfSpent();
            } catch (ConstraintException over) {
                inside = null;
            }
        }

        /** Not within a character or what opens the thought: there the end would be no end. */
        private void forceIfSpent() {
            if (inside != null && spent >= tokens && inside.mayEnd()) {
                inside = null;
                forced = closing.start();
            }
        }

        @Override
        public boolean isComplete() {
            return whole.isComplete();
        }

        @Override
        public void fillMask(long[] mask) {
            whole.fillMask(mask);
            if (forced == null) {
                return;
            }
            if (forcedMask == null) {
                forcedMask = new long[maskWords()];
            }
            forced.fillMask(forcedMask);
            for (int word = 0; word < mask.length; word++) {
                mask[word] &= forcedMask[word];
            }
        }
    }
}

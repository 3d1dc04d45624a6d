package dev.millrace.engine;

import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SequenceRow;
import java.util.Arrays;

/**
 * A sequence as the draft model sees it: its text, what the draft model's own cache holds of that,
 * and the guesses being drawn. Where guesses turned out wrong the cache holds positions that are no
 * longer the text's; they are forgotten before the next ones are drawn.
 */
final class DraftText implements CachedText {

    private static final int[] NOTHING = {};

    private final Sequence sequence;
    private final BlockTables blocks;
    private int computedTokens;
    private int drawnAt; // length of the text that the guesses follow
    private int[] guesses = NOTHING;
    private int drawn;
    private Lookahead ahead = Lookahead.FREE;
    private boolean sound;

    DraftText(Sequence sequence, int groups) {
        this.sequence = sequence;
        this.blocks = new BlockTables(groups);
    }

    Sequence sequence() {
        return sequence;
    }

    @Override
    public BlockTables blocks() {
        return blocks;
    }

    @Override
    public int length() {
        return sequence.length();
    }

    @Override
    public int computedTokens() {
        return computedTokens;
    }

    @Override
    public int reusableTokens() {
        return length() - 1;
    }

    @Override
    public int[] tokens(int from, int count) {
        return sequence.tokens(from, count);
    }

    /** Adapters change the large model only. */
    @Override
    public int adapterSlot() {
        return SequenceRow.NO_ADAPTER;
    }

    @Override
    public String cacheSalt() {
        return sequence.cacheSalt();
    }

    /** Tokens of the text that the cache does not hold. */
    int missingTokens() {
        return length() - computedTokens;
    }

    /** Notes that the cache holds so many tokens. */
    void computed(int tokens) {
        computedTokens = tokens;
    }

    /** Forgets what the cache holds of guesses that were wrong. */
    void reconcile() {
        if (computedTokens > drawnAt) {
            int[] said = sequence.tokens(drawnAt, Math.min(drawn, length() - drawnAt));
            int wrong = Arrays.mismatch(said, 0, said.length, guesses, 0, said.length);
            int right = wrong < 0 ? said.length : wrong;
            // The last token is computed in any case, for its successor is drawn.
            computedTokens = Math.min(computedTokens, Math.min(drawnAt + right, length() - 1));
        }
        guesses = NOTHING;
        drawn = 0;
        drawnAt = length();
    }

    /** Begins to draw guesses. */
    void begin(int count) {
        guesses = new int[count];
        drawn = 0;
        drawnAt = length();
        ahead = sequence.lookahead();
    }

    /** What the next guess takes: all that the cache lacks, or the guess before it. */
    SequenceRow row() {
        int count = drawn == 0 ? missingTokens() : 1;
        int[] tokens = drawn == 0
                ? sequence.tokens(computedTokens, count)
                : new int[]{guesses[drawn - 1]};
        return new SequenceRow(tokens, computedTokens, blocks.rows(), SequenceRow.NO_ADAPTER,
                OutputRequest.SAMPLE_LAST, sequence.drawing(guesses, drawn, ahead.next()));
    }

    /** Some of what the cache lacks, to be read and no more. */
    SequenceRow row(int count) {
        return new SequenceRow(sequence.tokens(computedTokens, count), computedTokens,
                blocks.rows(), SequenceRow.NO_ADAPTER, OutputRequest.NONE, null);
    }

    /** Takes the next guess, whose row was computed. @return whether another is wanted */
    boolean take(int token) {
        sound = true;
        boolean goesOn = ahead.accept(token);
        if (goesOn) {
            guesses[drawn++] = token;
            goesOn = drawn < guesses.length && !sequence.endsAt(token);
        }
        if (!goesOn) {
            sequence.propose(Arrays.copyOf(guesses, drawn), ahead.masks());
        }
        return goesOn;
    }

    /** Whether a guess could be drawn, so that what is cached is known to be sound. */
    boolean sound() {
        return sound;
    }
}

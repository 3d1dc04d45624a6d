package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Token;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;

/**
 * Finds stop sequences in the bytes of tokens as they come, wherever the tokens' borders are.
 *
 * <p>The match that is complete first wins; of those that are complete at the same byte, the one
 * that began first. A token is held back as long as any of its bytes may belong to a stop sequence.
 * Each sequence is followed by the automaton of Knuth, Morris and Pratt ("Fast pattern matching in
 * strings", 1977), so the work is linear in the text.
 */
final class StopMatcher {

    static final int SEQUENCE_LIMIT = 64;
    static final int SEQUENCE_BYTES_LIMIT = 4096;

    private final Pattern[] patterns;
    private final boolean shown;
    private final Deque<Token> held = new ArrayDeque<>();
    private int heldBytes; // text of the held tokens
    private Pattern matched;

    /** @param shown whether the sequence that matched is passed on with what precedes it */
    StopMatcher(List<byte[]> sequences, boolean shown) {
        this.shown = shown;
        if (sequences.size() > SEQUENCE_LIMIT) {
            throw new IllegalArgumentException("at most " + SEQUENCE_LIMIT
                    + " stop sequences are allowed, got " + sequences.size());
        }
        patterns = sequences.stream().map(Pattern::new).toArray(Pattern[]::new);
    }

    /** One stop sequence and how much of it the text ends with. */
    private static final class Pattern {

        private final byte[] bytes;
        private final int[] fallback; // after i bytes: the longest shorter prefix they end with
        private int state;

        Pattern(byte[] sequence) {
            if (sequence.length == 0 || sequence.length > SEQUENCE_BYTES_LIMIT) {
                throw new IllegalArgumentException("a stop sequence must have from 1 to "
                        + SEQUENCE_BYTES_LIMIT + " bytes, got " + sequence.length);
            }
            bytes = sequence.clone();
            fallback = new int[bytes.length + 1];
            for (int length = 1; length < bytes.length; length++) {
                fallback[length + 1] = next(fallback[length], bytes[length]);
            }
        }

        private int next(int length, byte value) {
            int matching = length;
            while (matching > 0 && bytes[matching] != value) {
                matching = fallback[matching];
            }
            return bytes[matching] == value ? matching + 1 : 0;
        }

        boolean completedBy(byte value) {
            state = next(state == bytes.length ? fallback[state] : state, value);
            return state == bytes.length;
        }
    }

    /**
     * Takes the next token. Passes on, in order, the tokens that no stop sequence can reach any
     * more; after a match, those before it, the last one cut where the match began, or ended where
     * it is shown.
     *
     * @param mayEnd whether a sequence that this token completes counts
     * @return whether a stop sequence is now complete; then nothing more may be given
     */
    boolean accept(Token token, boolean mayEnd, Consumer<Token> released) {
        held.add(token);
        for (byte value : token.text()) {
            heldBytes++;
            for (Pattern pattern : patterns) {
                boolean complete = pattern.completedBy(value);
                if (complete && mayEnd && (matched == null || pattern.state > matched.state)) {
                    matched = pattern;
                }
            }
            if (matched != null) {
                int kept = shown ? heldBytes : heldBytes - matched.bytes.length;
                cut(kept - release(kept, released), released);
                return true;
            }
        }
        int partial = 0;
        for (Pattern pattern : patterns) {
            // What is complete did not count, and is passed on.
            partial = Math.max(partial, pattern.state == pattern.bytes.length
                    ? pattern.fallback[pattern.state]
                    : pattern.state);
        }
        release(heldBytes - partial, released);
        return false;
    }

    /** Passes on what is held: no more text comes. */
    void flush(Consumer<Token> released) {
        release(heldBytes, released);
    }

    /** The stop sequence that matched, or null. */
    byte[] matched() {
        return matched == null ? null : matched.bytes;
    }

    /**
     * Passes on the tokens that lie wholly within the first {@code bytes} of the held text.
     *
     * @return the bytes passed on
     */
    private int release(int bytes, Consumer<Token> released) {
        int remaining = bytes;
        while (!held.isEmpty() && held.peek().text().length <= remaining) {
            Token token = held.remove();
            remaining -= token.text().length;
            heldBytes -= token.text().length;
            released.accept(token);
        }
        return bytes - remaining;
    }

    /** Passes on the first {@code bytes} of the held text, if any, and drops the rest. */
    private void cut(int bytes, Consumer<Token> released) {
        if (bytes > 0) {
            Token token = held.remove();
            released.accept(new Token(token.token(), Arrays.copyOf(token.text(), bytes),
                    token.logprob(), token.top(), token.sampledNanos()));
        }
        held.clear();
        heldBytes = 0;
    }
}

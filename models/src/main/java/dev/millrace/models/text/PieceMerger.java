package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.util.HashMap;
import java.util.Map;

/**
 * Splits a text into pieces: starting from single characters, the adjacent pair whose piece has the
 * highest score is merged, the leftmost of equals, until no pair is a piece (SentencePiece's BPE,
 * Kudo and Richardson 2018). O(n log n) in the length of the text.
 */
final class PieceMerger {

    private static final int NONE = -1;

    private final Vocabulary vocabulary;
    private final int unknownToken;
    private final byte[] text;
    private final TokenBuffer out;

    // Symbols are linked lists over the arrays below, named by the index of their first character.
    private final int[] start;
    private final int[] length;
    private final int[] previous;
    private final int[] next;
    /** The token that this symbol makes with the next one, or -1. */
    private final int[] pairToken;
    private final MergeQueue queue;
    /** Length of the left half of unused pieces, which serve as steps but are never put out. */
    private final Map<Integer, Integer> unusedHalves = new HashMap<>();

    private PieceMerger(Vocabulary vocabulary, int unknownToken, byte[] text, int symbols,
            TokenBuffer out) {
        this.vocabulary = vocabulary;
        this.unknownToken = unknownToken;
        this.text = text;
        this.out = out;
        this.start = new int[symbols];
        this.length = new int[symbols];
        this.previous = new int[symbols];
        this.next = new int[symbols];
        this.pairToken = new int[symbols];
        this.queue = new MergeQueue(symbols);
    }

    /**
     * Appends the pieces of a text to {@code out}.
     *
     * @param text well-formed UTF-8, spaces already written as U+2581
     * @param unknownToken what stands for a character that is no piece where the vocabulary has no
     *                     byte tokens, or -1 to leave it out
     */
    static void split(Vocabulary vocabulary, int unknownToken, byte[] text, TokenBuffer out) {
        int symbols = 0;
        for (byte b : text) {
            symbols += isContinuation(b) ? 0 : 1;
        }
        if (symbols > 0) {
            PieceMerger merger = new PieceMerger(vocabulary, unknownToken, text, symbols, out);
            merger.seed();
            merger.merge();
            merger.emit();
        }
    }

    private static boolean isContinuation(byte b) {
        return (b & 0xc0) == 0x80;
    }

    private void seed() {
        int symbol = -1;
        for (int i = 0; i < text.length; i++) {
            if (!isContinuation(text[i])) {
                symbol++;
                start[symbol] = i;
                previous[symbol] = symbol - 1;
                next[symbol] = symbol + 1 < start.length ? symbol + 1 : NONE;
            }
            length[symbol]++;
        }
        for (int left = 0; left < start.length; left++) {
            consider(left);
        }
    }

    private void merge() {
        while (!queue.isEmpty()) {
            long key = queue.poll();
            int left = MergeQueue.position(key);
            // A key outlives its pair: it counts only while the pair here still has this score.
            if (pairToken[left] == NONE
                    || MergeQueue.key(vocabulary.score(pairToken[left]), left) != key) {
                continue;
            }
            int right = next[left];
            if (vocabulary.kind(pairToken[left]) == Kind.UNUSED) {
                unusedHalves.put(pairToken[left], length[left]);
            }
            length[left] += length[right];
            next[left] = next[right];
            pairToken[right] = NONE;
            if (next[left] != NONE) {
                previous[next[left]] = left;
            }
            consider(left);
            if (previous[left] != NONE) {
                consider(previous[left]);
            }
        }
    }

    private void consider(int left) {
        pairToken[left] = NONE;
        if (next[left] != NONE) {
            int token = mergeable(start[left], length[left] + length[next[left]]);
            if (token != NONE) {
                pairToken[left] = token;
                queue.add(MergeQueue.key(vocabulary.score(token), left));
            }
        }
    }

    /** Control, byte and user-defined pieces never arise from spelling them out. */
    private int mergeable(int from, int bytes) {
        int token = vocabulary.find(text, from, bytes);
        return token != NONE && (vocabulary.kind(token) == Kind.NORMAL
                || vocabulary.kind(token) == Kind.UNUSED) ? token : NONE;
    }

    private void emit() {
        for (int symbol = 0; symbol != NONE; symbol = next[symbol]) {
            emit(start[symbol], length[symbol]);
        }
    }

    private void emit(int from, int bytes) {
        int token = mergeable(from, bytes);
        if (token != NONE && vocabulary.kind(token) == Kind.UNUSED) {
            Integer half = unusedHalves.get(token);
            if (half != null) {
                emit(from, half);
                emit(from + half, bytes - half);
                return;
            }
        }
        if (token != NONE) {
            out.add(token);
        } else {
            emitBytes(from, bytes);
        }
    }

    private void emitBytes(int from, int bytes) {
        if (vocabulary.byteToken(text[from] & 0xff) == NONE) {
            if (unknownToken != NONE) {
                out.add(unknownToken);
            }
            return;
        }
        for (int i = from; i < from + bytes; i++) {
            int token = vocabulary.byteToken(text[i] & 0xff);
            if (token != NONE) {
                out.add(token);
            }
        }
    }
}

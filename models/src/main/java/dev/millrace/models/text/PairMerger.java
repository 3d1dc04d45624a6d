package dev.millrace.models.text;

/**
 * Byte-pair encoding (Sennrich et al. 2016) of one piece: the adjacent pair of the lowest rank
 * merges, the leftmost of equals, until no pair merges. Scratch memory of one thread.
 */
final class PairMerger {

    /** Up to here looking at every pair again is quicker than a queue. */
    static final int MAX_SHORT_SYMBOLS = 24;

    private static final int NONE = -1;

    private final MergeTable merges;
    private final int maxShortSymbols;
    private int[] symbols = new int[64];
    private int size;
    /** Of each symbol with the next one: rank and result, or {@link MergeTable#NONE}. */
    private long[] pairs = new long[64];
    private int[] previous = new int[0];
    private int[] next = new int[0];

    PairMerger(MergeTable merges) {
        this(merges, MAX_SHORT_SYMBOLS);
    }

    /** @param maxShortSymbols longer pieces go through the queue */
    PairMerger(MergeTable merges, int maxShortSymbols) {
        this.merges = merges;
        this.maxShortSymbols = maxShortSymbols;
    }

    /** Begins a piece of at most this many symbols. */
    void begin(int mostSymbols) {
        size = 0;
        if (symbols.length < mostSymbols) {
            symbols = new int[mostSymbols];
            pairs = new long[mostSymbols];
        }
    }

    void add(int symbol) {
        symbols[size++] = symbol;
    }

    /** @param pair what {@link MergeTable#find} says of the symbol before and this one */
    void add(int symbol, long pair) {
        pairs[size - 1] = pair;
        symbols[size++] = symbol;
    }

    int size() {
        return size;
    }

    int last() {
        return symbols[size - 1];
    }

    /** Merges what was added and appends the tokens to a buffer. */
    void finish(TokenBuffer out) {
        if (size <= maxShortSymbols) {
            for (int i = 0; i + 1 < size; i++) {
                pairs[i] = merges.find(symbols[i], symbols[i + 1]);
            }
            finishShort(out);
        } else {
            mergeLong();
            write(out);
        }
    }

    /** As {@link #finish}, where all pairs of the few symbols were added with them. */
    void finishShort(TokenBuffer out) {
        mergeShort();
        write(out);
    }

    private void write(TokenBuffer out) {
        for (int i = 0; i < size; i++) {
            out.add(symbols[i]);
        }
    }

    private void mergeShort() {
        while (size > 1) {
            int best = 0;
            for (int i = 1; i + 1 < size; i++) {
                best = pairs[i] < pairs[best] ? i : best;
            }
            if (pairs[best] == MergeTable.NONE) {
                return;
            }
            symbols[best] = (int) pairs[best];
            size--;
            for (int i = best + 1; i < size; i++) {
                symbols[i] = symbols[i + 1];
                pairs[i] = pairs[i + 1];
            }
            if (best + 1 < size) {
                pairs[best] = merges.find(symbols[best], symbols[best + 1]);
            }
            if (best > 0) {
                pairs[best - 1] = merges.find(symbols[best - 1], symbols[best]);
            }
        }
    }

    /** Symbols are a linked list over the arrays, and candidates wait in a queue. */
    private void mergeLong() {
        if (next.length < size) {
            next = new int[symbols.length];
            previous = new int[symbols.length];
        }
        MergeQueue queue = new MergeQueue(size);
        for (int i = 0; i < size; i++) {
            previous[i] = i - 1;
            next[i] = i + 1 < size ? i + 1 : NONE;
        }
        for (int i = 0; i < size; i++) {
            consider(i, queue);
        }
        while (!queue.isEmpty()) {
            long key = queue.poll();
            int left = MergeQueue.position(key);
            // A key outlives its pair: it counts only while the pair here still has this rank.
            if (pairs[left] == MergeTable.NONE || key >>> 32 != pairs[left] >>> 32) {
                continue;
            }
            int right = next[left];
            symbols[left] = (int) pairs[left];
            next[left] = next[right];
            pairs[right] = MergeTable.NONE;
            if (next[left] != NONE) {
                previous[next[left]] = left;
            }
            consider(left, queue);
            if (previous[left] != NONE) {
                consider(previous[left], queue);
            }
        }
        compact();
    }

    private void consider(int left, MergeQueue queue) {
        pairs[left] = next[left] == NONE
                ? MergeTable.NONE
                : merges.find(symbols[left], symbols[next[left]]);
        if (pairs[left] != MergeTable.NONE) {
            queue.add(pairs[left] >>> 32 << 32 | left);
        }
    }

    private void compact() {
        int count = 0;
        for (int i = 0; i != NONE; i = next[i]) {
            symbols[count++] = symbols[i];
        }
        size = count;
    }
}

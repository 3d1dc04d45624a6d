package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.util.Arrays;

/** Byte-pair encoding by a list of merges, from bytes (GPT-2) or from characters (Gemma). */
public final class BytePairModel implements WordModel {

    private static final int NONE = -1;
    private static final int BYTES = 256;

    /**
     * How the model begins.
     *
     * @param fromBytes     whether pieces are raw bytes; else they are UTF-8 and characters are
     *                      the least of them
     * @param byteFallback  whether a character that is no piece becomes its byte tokens
     * @param wholeFirst    whether a word that is a piece is taken without merging
     * @param unknownToken  what stands for all else; -1 to leave it out
     * @param fusesUnknown  whether unknown characters side by side are one token
     */
    public record Options(boolean fromBytes, boolean byteFallback, boolean wholeFirst,
            int unknownToken, boolean fusesUnknown) {}

    private final Vocabulary vocabulary;
    private final MergeTable merges;
    private final Options options;
    /** Tokens of single bytes, or of ASCII characters. */
    private final int[] singles = new int[BYTES];
    /** Null where text must not be cut. */
    private final SafeCuts cuts;
    private final WordCache cache = new WordCache();
    /** Of two bytes side by side, what {@link MergeTable#find} says of their tokens; or null. */
    private final long[] bytePairs;

    public BytePairModel(Vocabulary vocabulary, MergeList merges, Options options) {
        this.vocabulary = vocabulary;
        this.merges = merges.table();
        this.options = options;
        this.cuts = cutsFor(merges);
        Arrays.fill(singles, NONE);
        for (int value = 0; value < (options.fromBytes ? BYTES : 128); value++) {
            singles[value] = spellable(new byte[]{(byte) value}, 0, 1);
        }
        boolean complete = options.fromBytes && Arrays.stream(singles).allMatch(one -> one != NONE);
        bytePairs = complete ? bytePairs() : null;
    }

    private long[] bytePairs() {
        long[] pairs = new long[BYTES * BYTES];
        for (int pair = 0; pair < pairs.length; pair++) {
            pairs[pair] = merges.find(singles[pair / BYTES], singles[pair % BYTES]);
        }
        return pairs;
    }

    private int spellable(byte[] text, int from, int length) {
        return spellable(vocabulary.find(text, from, length));
    }

    /** Byte tokens, special ones and unused ones are never found by what spells them. */
    private int spellable(int token) {
        if (token == NONE) {
            return NONE;
        }
        Kind kind = vocabulary.kind(token);
        return kind == Kind.NORMAL || kind == Kind.USER_DEFINED ? token : NONE;
    }

    @Override
    public Encoder encoder(TokenBuffer out) {
        PairMerger merger = new PairMerger(merges);
        return cuts == null
                ? (text, from, to) -> encode(text, from, to, merger, out)
                : (text, from, to) -> encodeParts(text, from, to, merger, out);
    }

    /** Whole words need all of a piece, and unknown spaces may fuse with what is before. */
    private SafeCuts cutsFor(MergeList list) {
        boolean spaceIsPiece = spellable(Vocabulary.SPACE, 0, Vocabulary.SPACE.length) != NONE;
        return options.fromBytes || options.wholeFirst || !spaceIsPiece || list.mergesByteTokens()
                ? null
                : new SafeCuts(vocabulary);
    }

    private void encodeParts(byte[] text, int from, int to, PairMerger merger, TokenBuffer out) {
        for (int at = from; at < to;) {
            int end = cuts.next(text, at, to);
            encode(text, at, end, merger, out);
            at = end;
        }
    }

    private void encode(byte[] text, int from, int to, PairMerger merger, TokenBuffer out) {
        long hash = vocabulary.hash(text, from, to);
        int whole = options.wholeFirst
                ? spellable(vocabulary.find(hash, text, from, to))
                : NONE;
        if (whole != NONE) {
            out.add(whole);
            return;
        }
        if (to - from > WordCache.MAX_WORD_BYTES) {
            merge(text, from, to, merger, out);
            return;
        }
        int[] known = cache.find(hash, text, from, to);
        if (known != null) {
            out.addAll(known);
            return;
        }
        int before = out.size();
        merge(text, from, to, merger, out);
        cache.put(hash, text, from, to, out.from(before));
    }

    private void merge(byte[] text, int from, int to, PairMerger merger, TokenBuffer out) {
        merger.begin(to - from);
        if (bytePairs != null && to - from <= PairMerger.MAX_SHORT_SYMBOLS) {
            int last = text[from] & 0xff;
            merger.add(singles[last]);
            for (int i = from + 1; i < to; i++) {
                int next = text[i] & 0xff;
                merger.add(singles[next], bytePairs[last * BYTES + next]);
                last = next;
            }
            merger.finishShort(out);
            return;
        }
        if (options.fromBytes) {
            for (int i = from; i < to; i++) {
                add(singles[text[i] & 0xff], merger);
            }
        } else {
            addCharacters(text, from, to, merger);
        }
        merger.finish(out);
    }

    private void addCharacters(byte[] text, int from, int to, PairMerger merger) {
        for (int at = from; at < to;) {
            int length = Utf8.length(text[at]);
            int token = length == 1 ? singles[text[at]] : spellable(text, at, length);
            if (token != NONE) {
                merger.add(token);
            } else if (options.byteFallback && hasBytes(text, at, length)) {
                for (int i = at; i < at + length; i++) {
                    merger.add(vocabulary.byteToken(text[i] & 0xff));
                }
            } else {
                add(NONE, merger);
            }
            at += length;
        }
    }

    private boolean hasBytes(byte[] text, int at, int length) {
        for (int i = at; i < at + length; i++) {
            if (vocabulary.byteToken(text[i] & 0xff) == NONE) {
                return false;
            }
        }
        return true;
    }

    private void add(int token, PairMerger merger) {
        int unknown = options.unknownToken;
        if (token != NONE) {
            merger.add(token);
        } else if (unknown != NONE && !(options.fusesUnknown && merger.size() > 0
                && merger.last() == unknown)) {
            merger.add(unknown);
        }
    }
}

package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.util.Arrays;

/**
 * SentencePiece's unigram model (Kudo 2018): of all ways to spell a text with pieces, the one of
 * the highest sum of scores, found by Viterbi's algorithm in time linear in the text.
 */
public final class UnigramModel implements WordModel {

    /** An unknown character costs so much more than the worst piece. */
    private static final double UNKNOWN_PENALTY = 10;
    private static final int NONE = -1;

    private final Vocabulary vocabulary;
    private final double[] scores;
    private final int unknownToken;
    private final boolean byteFallback;
    private final double unknownScore;
    private final ByteTrie trie = new ByteTrie();

    /**
     * A model over the normal, user-defined and unused pieces of a vocabulary.
     *
     * @param scores       of every token: logarithms of probabilities
     * @param unknownToken what stands for characters that no piece spells
     * @param byteFallback whether byte tokens do, where the vocabulary has them all
     */
    public UnigramModel(Vocabulary vocabulary, double[] scores, int unknownToken,
            boolean byteFallback) {
        this.vocabulary = vocabulary;
        this.scores = scores.clone();
        this.unknownToken = unknownToken;
        this.byteFallback = byteFallback && hasAllBytes(vocabulary);
        double least = 0;
        for (int token = 0; token < vocabulary.size(); token++) {
            Kind kind = vocabulary.kind(token);
            byte[] piece = vocabulary.piece(token);
            if (kind == Kind.NORMAL) {
                least = Math.min(least, scores[token]);
            } else if (kind == Kind.USER_DEFINED) {
                this.scores[token] = 0;
            }
            boolean spells = kind == Kind.NORMAL || kind == Kind.USER_DEFINED
                    || kind == Kind.UNUSED;
            if (spells && piece.length > 0) {
                trie.add(piece, token);
            }
        }
        this.unknownScore = least - UNKNOWN_PENALTY;
    }

    private static boolean hasAllBytes(Vocabulary vocabulary) {
        for (int value = 0; value < 256; value++) {
            if (vocabulary.byteToken(value) == NONE) {
                return false;
            }
        }
        return true;
    }

    @Override
    public Encoder encoder(TokenBuffer out) {
        return new Lattice(out);
    }

    /** The best way to every place of a text; scratch memory of one thread. */
    private final class Lattice implements Encoder {

        private final TokenBuffer out;
        /** Score, last token and start of the last token of the best way to each place. */
        private double[] best = new double[64];
        private int[] tokens = new int[64];
        private int[] starts = new int[64];

        Lattice(TokenBuffer out) {
            this.out = out;
        }

        @Override
        public void encode(byte[] text, int from, int to) {
            int length = to - from;
            if (best.length <= length) {
                best = new double[length + 1];
                tokens = new int[length + 1];
                starts = new int[length + 1];
            }
            Arrays.fill(best, 0, length + 1, Double.NEGATIVE_INFINITY);
            best[0] = 0;
            for (int at = from; at < to;) {
                int next = at + Utf8.length(text[at]);
                extend(text, from, at, next, to);
                at = next;
            }
            emit(text, from, length);
        }

        private void extend(byte[] text, int from, int at, int next, int to) {
            boolean spelled = false;
            int node = trie.child(0, text[at]);
            for (int end = at + 1; node != ByteTrie.NONE; end++) {
                int token = trie.value(node);
                if (token != ByteTrie.NONE) {
                    spelled |= end == next;
                    reach(end - from, at - from, token, scores[token]);
                }
                node = end < to ? trie.child(node, text[end]) : ByteTrie.NONE;
            }
            if (!spelled) {
                reach(next - from, at - from, unknownToken, unknownScore);
            }
        }

        private void reach(int place, int start, int token, double score) {
            double sum = best[start] + score;
            if (sum > best[place]) {
                best[place] = sum;
                tokens[place] = token;
                starts[place] = start;
            }
        }

        private void emit(byte[] text, int from, int length) {
            int count = 0;
            for (int place = length; place > 0; place = starts[place]) {
                count++;
            }
            int[] ends = new int[count];
            for (int place = length; place > 0; place = starts[place]) {
                ends[--count] = place;
            }
            boolean unknownBefore = false;
            for (int end : ends) {
                boolean unknown = tokens[end] == unknownToken;
                if (unknown && byteFallback) {
                    for (int i = from + starts[end]; i < from + end; i++) {
                        out.add(vocabulary.byteToken(text[i] & 0xff));
                    }
                } else if (!(unknown && unknownBefore)) {
                    out.add(tokens[end]);
                }
                unknownBefore = unknown;
            }
        }
    }
}

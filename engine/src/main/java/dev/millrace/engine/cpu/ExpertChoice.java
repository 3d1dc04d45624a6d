package dev.millrace.engine.cpu;

import dev.millrace.models.ExpertSpec;
import java.util.Arrays;

/**
 * Which experts each token of a step goes to, with what weights, and the tokens in the order of
 * their experts: one row for every token and expert of it, those of an expert side by side and in
 * the order of the tokens. Filled anew for every layer without allocating.
 */
final class ExpertChoice {

    private final int[] experts; // (tokens, chosen): by falling logit
    private final float[] weights; // (tokens, chosen)
    private final int[] rows; // (tokens, chosen): where each is in the order of experts
    private final int[] tokens; // (rows)
    private final int[] firstRows; // (experts + 1): of the active experts, one after the other
    private final int[] active; // (experts): which have any tokens
    private final int[] counts; // (experts): tokens, then the next free row
    private int activeCount;
    private int rowCount;
    private int chosen;

    ExpertChoice(int mostTokens, int mostChosen, int mostExperts) {
        experts = new int[mostTokens * mostChosen];
        weights = new float[mostTokens * mostChosen];
        rows = new int[mostTokens * mostChosen];
        tokens = new int[mostTokens * mostChosen];
        firstRows = new int[mostExperts + 1];
        active = new int[mostExperts];
        counts = new int[mostExperts];
    }

    /** What one of these takes, in bytes. */
    static long bytes(int mostTokens, int mostChosen, int mostExperts) {
        return Integer.BYTES * (4L * mostTokens * mostChosen + 3L * mostExperts + 1);
    }

    /**
     * Chooses by logits and orders the tokens.
     *
     * @param logits (tokens, experts)
     */
    void choose(ExpertSpec spec, float[] logits, int tokenCount) {
        chosen = spec.chosen();
        rowCount = tokenCount * chosen;
        Arrays.fill(counts, 0, spec.count(), 0);
        for (int token = 0; token < tokenCount; token++) {
            chooseFor(spec, logits, token);
        }
        order(spec.count(), tokenCount);
    }

    private void chooseFor(ExpertSpec spec, float[] logits, int token) {
        int at = token * spec.count();
        int first = token * chosen;
        for (int rank = 0; rank < chosen; rank++) {
            int best = -1;
            for (int expert = 0; expert < spec.count(); expert++) {
                if (!isChosen(expert, first, rank)
                        && (best < 0 || logits[at + expert] > logits[at + best])) {
                    best = expert;
                }
            }
            experts[first + rank] = best;
            counts[best]++;
        }
        float largest = logits[at + experts[first]];
        double sum = 0;
        if (spec.normalised()) {
            for (int rank = 0; rank < chosen; rank++) {
                sum += Math.exp(logits[at + experts[first + rank]] - largest);
            }
        } else {
            for (int expert = 0; expert < spec.count(); expert++) {
                sum += Math.exp(logits[at + expert] - largest);
            }
        }
        for (int rank = 0; rank < chosen; rank++) {
            weights[first + rank] = (float) (Math.exp(logits[at + experts[first + rank]] - largest)
                    / sum);
        }
    }

    private boolean isChosen(int expert, int first, int ranks) {
        for (int rank = 0; rank < ranks; rank++) {
            if (experts[first + rank] == expert) {
                return true;
            }
        }
        return false;
    }

    private void order(int expertCount, int tokenCount) {
        activeCount = 0;
        int next = 0;
        for (int expert = 0; expert < expertCount; expert++) {
            int count = counts[expert];
            counts[expert] = next;
            if (count > 0) {
                active[activeCount] = expert;
                firstRows[activeCount++] = next;
                next += count;
            }
        }
        firstRows[activeCount] = next;
        for (int token = 0; token < tokenCount; token++) {
            for (int rank = token * chosen; rank < (token + 1) * chosen; rank++) {
                int row = counts[experts[rank]]++;
                rows[rank] = row;
                tokens[row] = token;
            }
        }
    }

    /** Pairs of a token and an expert of it. */
    int rows() {
        return rowCount;
    }

    /** The token of a row. */
    int token(int row) {
        return tokens[row];
    }

    /** Experts that any token goes to. */
    int active() {
        return activeCount;
    }

    /** The expert of this index among the active ones. */
    int expert(int index) {
        return active[index];
    }

    /** The first row of an active expert; one past the last row for {@link #active()}. */
    int firstRow(int index) {
        return firstRows[index];
    }

    /** The row of a token's expert with the rank-th largest logit. */
    int row(int token, int rank) {
        return rows[token * chosen + rank];
    }

    /** The weight of that expert. */
    float weight(int token, int rank) {
        return weights[token * chosen + rank];
    }
}

package dev.millrace.engine.forward;

import java.util.Arrays;

/**
 * What single logits of one position become, in the order in which that happens: first all of one
 * kind, then all of the next. Within a kind that has values no token comes twice. Applied to an
 * array here, and by a device to its own memory.
 */
public final class LogitEdits {

    /** What happens to a logit, in order. */
    public enum Kind {
        /** The value is added. */
        BIAS,
        /** Becomes negative infinity. */
        BANNED,
        /** Divided by the repetition penalty or, if not positive, multiplied; less the value. */
        SAID,
        /** Less the value. */
        RUN,
        /** Becomes negative infinity. */
        END
    }

    private static final int LEAST_SCRATCH = 64;
    private static final int KINDS = Kind.values().length;

    private final int[] ends = new int[KINDS];
    private int[] tokens = new int[LEAST_SCRATCH];
    private float[] values = new float[LEAST_SCRATCH];
    private float repetition;
    private int count;

    /** What texts of up to this length can make it take, in bytes. */
    static long bytes(int vocabularySize, int contextTokens) {
        long most = 2L * Math.min(vocabularySize, contextTokens) + LEAST_SCRATCH;
        return 2 * most * (Integer.BYTES + Float.BYTES);
    }

    /** Forgets all. @param penalty what {@link Kind#SAID} divides by */
    void begin(float penalty) {
        count = 0;
        repetition = penalty;
        Arrays.fill(ends, 0);
    }

    /** Adds one, of the same kind as the one before it or a later one. */
    void add(Kind kind, int token, float value) {
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * count);
            values = Arrays.copyOf(values, 2 * count);
        }
        tokens[count] = token;
        values[count++] = value;
        Arrays.fill(ends, kind.ordinal(), KINDS, count);
    }

    /** How many there are. */
    public int count() {
        return count;
    }

    /** Where a kind ends, and the next begins. */
    public int end(Kind kind) {
        return ends[kind.ordinal()];
    }

    /** Of one of them. */
    public int token(int index) {
        return tokens[index];
    }

    /** Of one of them. */
    public float value(int index) {
        return values[index];
    }

    /** The penalty of what was said before; 1 for none. */
    public float repetition() {
        return repetition;
    }

    /** Changes the logits that begin at {@code offset}. */
    void apply(float[] logits, int offset) {
        int i = 0;
        for (; i < end(Kind.BIAS); i++) {
            logits[offset + tokens[i]] += values[i];
        }
        for (; i < end(Kind.BANNED); i++) {
            logits[offset + tokens[i]] = Float.NEGATIVE_INFINITY;
        }
        for (; i < end(Kind.SAID); i++) {
            float logit = logits[offset + tokens[i]];
            logit = logit > 0 ? logit / repetition : logit * repetition;
            logits[offset + tokens[i]] = logit - values[i];
        }
        for (; i < end(Kind.RUN); i++) {
            logits[offset + tokens[i]] -= values[i];
        }
        for (; i < count; i++) {
            logits[offset + tokens[i]] = Float.NEGATIVE_INFINITY;
        }
    }
}

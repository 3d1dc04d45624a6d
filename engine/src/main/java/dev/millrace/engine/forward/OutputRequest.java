package dev.millrace.engine.forward;

/** What a step returns for a row, always about the row's last {@link #positions()} tokens. */
public sealed interface OutputRequest {

    OutputRequest NONE = new None();
    OutputRequest SAMPLE_LAST = new Sample(1);

    /** How many of the row's last tokens need logits. */
    int positions();

    /** Whether the step samples a token at each of those positions. */
    default boolean samples() {
        return false;
    }

    /** Fill the cache only: a prompt chunk that is not the last. */
    record None() implements OutputRequest {
        @Override
        public int positions() {
            return 0;
        }
    }

    /** A sampled token per position; several positions verify a speculated draft. */
    record Sample(int positions) implements OutputRequest {
        @Override
        public boolean samples() {
            return true;
        }
    }

    /** A sampled token per position, its log probability, and those of the {@code count} best. */
    record TopLogprobs(int positions, int count) implements OutputRequest {
        @Override
        public boolean samples() {
            return true;
        }
    }

    /**
     * The log probability of {@code targets[i]} as successor of the i-th of the last positions, and
     * where {@code top} is not negative its rank and the so many best.
     */
    record TargetLogprobs(int[] targets, int top) implements OutputRequest {

        /** Without ranks and best. */
        public TargetLogprobs(int[] targets) {
            this(targets, -1);
        }
        @Override
        public int positions() {
            return targets.length;
        }
    }

    /** All logits, unscaled. */
    record FullLogits(int positions) implements OutputRequest {}

    /** The final hidden state after the output norm, pooled over the row's tokens. */
    record PooledHidden(Pooling pooling) implements OutputRequest {
        @Override
        public int positions() {
            return 0;
        }

        /** How positions become one vector. */
        public enum Pooling {
            LAST,
            MEAN
        }
    }
}

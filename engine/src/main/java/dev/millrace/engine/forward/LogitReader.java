package dev.millrace.engine.forward;

import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.None;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.Sample;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.OutputRequest.TopLogprobs;
import dev.millrace.kernels.cpu.CpuKernels;

/**
 * Reads what a row asked for from a position's logits, on the processor. Holds scratch memory: one
 * per thread.
 */
public final class LogitReader {

    private final int vocabularySize;
    private final Sampler sampler;
    private final LogProbabilities probabilities;

    public LogitReader(CpuKernels kernels, int vocabularySize) {
        this.vocabularySize = vocabularySize;
        sampler = new Sampler(kernels, vocabularySize);
        probabilities = new LogProbabilities(kernels, vocabularySize);
    }

    /**
     * Answers for one of a row's output positions.
     *
     * @param logits of that position at {@code offset}; overwritten
     */
    public void answer(RowAnswer answer, SequenceRow row, int index, float[] logits, int offset) {
        if (!(row.output() instanceof Sample) // whose sampler looks for itself
                && Sampler.isPoisoned(logits, offset, vocabularySize)) {
            answer.poison();
            return;
        }
        switch (row.output()) {
            case Sample _ -> sample(answer, row, index, logits, offset);
            case TopLogprobs request -> {
                probabilities.read(logits, offset);
                answer.top[index] = probabilities.likeliest(request.count());
                if (sample(answer, row, index, logits, offset)) {
                    answer.logprobs[index] = probabilities.of(answer.tokens[index]);
                }
            }
            case TargetLogprobs request -> {
                probabilities.read(logits, offset);
                answer.logprobs[index] = probabilities.of(request.targets()[index]);
                if (request.top() >= 0) {
                    answer.ranks[index] = probabilities.rank(request.targets()[index]);
                    answer.top[index] = probabilities.likeliest(request.top());
                }
            }
            case FullLogits _ -> System.arraycopy(logits, offset, answer.values,
                    index * vocabularySize, vocabularySize);
            case None _,PooledHidden _ -> throw new IllegalStateException(
                    row.output() + " has no positions, yet position " + index + " was computed");
        }
    }

    /**
     * Answers for one of a row's output positions from what a device tells of its logits, which are
     * not poisoned.
     *
     * @param raw  of the logits as they are; null where {@link #asksRaw} is false
     * @param draw of the adjusted logits; null where {@link #asksDraw} is false
     * @param best token of the largest logit
     * @return false if it takes all logits to answer
     */
    public boolean answer(RowAnswer answer, SequenceRow row, int index, LogitSurvey raw,
            LogitSurvey draw, int best) {
        if (raw != null) {
            probabilities.read(raw);
        }
        if (row.output() instanceof TargetLogprobs request) {
            answer.logprobs[index] = probabilities.ofLogit(raw.target);
            if (request.top() < 0) {
                return true;
            }
            answer.ranks[index] = raw.likelier + 1;
            answer.top[index] = probabilities.likeliest(raw, request.top());
            return answer.top[index] != null;
        }
        int token = draw == null ? best : sampler.draw(draw, row, index);
        if (token == Sampler.UNDECIDED) {
            return false;
        }
        answer.tokens[index] = token;
        if (row.output() instanceof TopLogprobs request) {
            answer.top[index] = probabilities.likeliest(raw, request.count());
            if (answer.top[index] == null) {
                return false;
            }
            if (token != Sampler.POISONED) {
                answer.logprobs[index] = probabilities.ofLogit(
                        draw == null ? raw.max : draw.raw(token));
            }
        }
        if (token == Sampler.POISONED) {
            answer.poison();
        }
        return true;
    }

    /** Whether a row's answer needs a survey of the logits as they are. */
    public static boolean asksRaw(SequenceRow row) {
        return row.output() instanceof TopLogprobs || row.output() instanceof TargetLogprobs;
    }

    /** Whether a row's answer needs a survey of the logits as they are sampled. */
    public static boolean asksDraw(SequenceRow row) {
        return row.output().samples() && !row.sampling().isPlainGreedy();
    }

    /** How many of the likeliest tokens a row tells as they are. */
    public static int likeliest(SequenceRow row) {
        return switch (row.output()) {
            case TopLogprobs request -> request.count();
            case TargetLogprobs request -> Math.max(0, request.top());
            default -> 0;
        };
    }

    private boolean sample(RowAnswer answer, SequenceRow row, int index, float[] logits,
            int offset) {
        int token = sampler.sample(logits, offset, row, index);
        answer.tokens[index] = token;
        if (token == Sampler.POISONED) {
            answer.poison();
        }
        return token != Sampler.POISONED;
    }
}

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

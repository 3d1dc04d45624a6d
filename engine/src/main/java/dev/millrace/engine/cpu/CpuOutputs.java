package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.LogProbabilities;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.None;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.OutputRequest.Sample;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.OutputRequest.TopLogprobs;
import dev.millrace.engine.forward.Sampler;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.ModelSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Turns the last layer's output into what each row asked for: output norm, output matrix, sampling
 * and log probabilities, for the asked positions only and a bounded number of them at a time.
 */
final class CpuOutputs {

    private final ModelSpec spec;
    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final CpuWeights weights;
    private final CpuBuffers buffers;
    private final StepLayout layout;
    private final Sampler[] samplers; // (workers)
    private final LogProbabilities[] logProbabilities; // (workers)
    private final WorkQueue queue = new WorkQueue();
    private final WorkerPool.Task multiply = this::multiply;
    private final WorkerPool.Task answer = this::answer;

    private StepBatch batch;
    private RowAnswer[] answers = {};
    private int firstOutput; // of the outputs whose logits are in the buffer
    private int outputs; // how many these are

    CpuOutputs(ModelSpec spec, CpuKernels kernels, WorkerPool pool, CpuWeights weights,
            CpuBuffers buffers, StepLayout layout) {
        this.spec = spec;
        this.kernels = kernels;
        this.pool = pool;
        this.weights = weights;
        this.buffers = buffers;
        this.layout = layout;
        samplers = new Sampler[pool.workers()];
        logProbabilities = new LogProbabilities[pool.workers()];
        for (int worker = 0; worker < samplers.length; worker++) {
            samplers[worker] = new Sampler(kernels, spec.vocabularySize());
            logProbabilities[worker] = new LogProbabilities(kernels, spec.vocabularySize());
        }
    }

    /** One result per row of the batch that the layout holds. */
    List<RowResult> collect(StepBatch batch) {
        this.batch = batch;
        answers = new RowAnswer[batch.rows().size()];
        for (int row = 0; row < answers.length; row++) {
            answers[row] = new RowAnswer(batch.rows().get(row).output(), spec);
        }
        for (firstOutput = 0; firstOutput < layout.outputs; firstOutput += outputs) {
            outputs = Math.min(buffers.logitRows, layout.outputs - firstOutput);
            answerSome();
        }
        List<RowResult> results = new ArrayList<>(answers.length);
        for (int row = 0; row < answers.length; row++) {
            if (batch.rows().get(row).output() instanceof PooledHidden pooled) {
                pool(answers[row], row, pooled.pooling());
            }
            results.add(answers[row].result());
        }
        this.batch = null;
        return results;
    }

    private void answerSome() {
        for (int i = 0; i < outputs; i++) {
            normed(layout.outputTokens[firstOutput + i], buffers.normed.values(),
                    i * spec.embeddingSize());
            kernels.prepare(buffers.normed, i);
        }
        queue.reset(Math.ceilDiv(weights.output().rows(), weights.output().rowTile()),
                pool.workers());
        pool.run(multiply);
        if (outputs == 1) {
            queue.reset(1, 1);
            answer.run(0, 1);
        } else {
            queue.reset(outputs, pool.workers());
            pool.run(answer);
        }
    }

    private void normed(int token, float[] out, int outOffset) {
        kernels.rmsNorm(buffers.hidden, token * spec.embeddingSize(), weights.outputNorm(),
                spec.norm().epsilon(), out, outOffset);
    }

    private void multiply(int worker, int workers) {
        int tile = weights.output().rowTile();
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            int end = Math.min(queue.end(first) * tile, weights.output().rows());
            kernels.multiply(weights.output(), buffers.normed, outputs, buffers.logits,
                    first * tile, end);
            if (spec.multipliers().changesLogits()) {
                for (int i = 0; i < outputs; i++) {
                    change(i * spec.vocabularySize() + first * tile, end - first * tile);
                }
            }
        }
    }

    /** Applies what the model does to logits. */
    private void change(int offset, int count) {
        if (spec.multipliers().logit() != 1) {
            kernels.scale(buffers.logits, offset, spec.multipliers().logit(), count);
        }
        if (spec.multipliers().logitSoftCap() > 0) {
            kernels.softCap(buffers.logits, offset, spec.multipliers().logitSoftCap(), count);
        }
    }

    private void answer(int worker, int workers) {
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            for (int i = first; i < queue.end(first); i++) {
                int row = layout.outputRows[firstOutput + i];
                answer(answers[row], batch.rows().get(row),
                        layout.outputIndices[firstOutput + i], i * spec.vocabularySize(), worker);
            }
        }
    }

    /** Answers one position, whose logits are at {@code offset}. */
    private void answer(RowAnswer answer, SequenceRow row, int index, int offset, int worker) {
        float[] logits = buffers.logits;
        if (!(row.output() instanceof Sample) // whose sampler looks for itself
                && Sampler.isPoisoned(logits, offset, spec.vocabularySize())) {
            answer.poisoned = true;
            return;
        }
        LogProbabilities probabilities = logProbabilities[worker];
        switch (row.output()) {
            case Sample _ -> sample(answer, row, index, offset, worker);
            case TopLogprobs request -> {
                probabilities.read(logits, offset);
                answer.top[index] = probabilities.likeliest(request.count());
                if (sample(answer, row, index, offset, worker)) {
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
                    index * spec.vocabularySize(), spec.vocabularySize());
            case None _,PooledHidden _ -> throw new IllegalStateException(
                    row.output() + " has no positions, yet position " + index + " was computed");
        }
    }

    private boolean sample(RowAnswer answer, SequenceRow row, int index, int offset, int worker) {
        int token = samplers[worker].sample(buffers.logits, offset, row, index);
        answer.tokens[index] = token;
        if (token == Sampler.POISONED) {
            answer.poisoned = true;
        }
        return token != Sampler.POISONED;
    }

    /** Pools the normed last states of a row's tokens, in order of position. */
    private void pool(RowAnswer answer, int row, Pooling pooling) {
        int length = batch.rows().get(row).tokens().length;
        int end = layout.firstTokens[row] + length;
        if (pooling == Pooling.LAST) {
            normed(end - 1, answer.values, 0);
        } else {
            for (int token = end - length; token < end; token++) {
                normed(token, buffers.branch, 0);
                kernels.add(answer.values, 0, buffers.branch, 0, spec.embeddingSize());
            }
            for (int i = 0; i < answer.values.length; i++) {
                answer.values[i] /= length;
            }
        }
        for (float value : answer.values) {
            answer.poisoned |= !Float.isFinite(value);
        }
    }
}

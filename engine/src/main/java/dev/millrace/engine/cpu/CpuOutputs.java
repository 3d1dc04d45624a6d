package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.LogitReader;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.RowAnswer;
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
    private final LogitReader[] readers; // (workers)
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
        readers = new LogitReader[pool.workers()];
        for (int worker = 0; worker < readers.length; worker++) {
            readers[worker] = new LogitReader(kernels, spec.vocabularySize());
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
                readers[worker].answer(answers[row], batch.rows().get(row),
                        layout.outputIndices[firstOutput + i], buffers.logits,
                        i * spec.vocabularySize());
            }
        }
    }

    /** Pools the normed last states of a row's tokens, in order of position. */
    private void pool(RowAnswer answer, int row, Pooling pooling) {
        float[] values = answer.values();
        int length = batch.rows().get(row).tokens().length;
        int end = layout.firstTokens[row] + length;
        if (pooling == Pooling.LAST) {
            normed(end - 1, values, 0);
        } else {
            for (int token = end - length; token < end; token++) {
                normed(token, buffers.branch, 0);
                kernels.add(values, 0, buffers.branch, 0, spec.embeddingSize());
            }
            for (int i = 0; i < values.length; i++) {
                values[i] /= length;
            }
        }
        answer.poisonUnlessFinite();
    }
}

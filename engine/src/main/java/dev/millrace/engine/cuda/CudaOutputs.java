package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.LogitReader;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.OutputRequest.Sample;
import dev.millrace.engine.forward.RowAnswer;
import dev.millrace.engine.forward.Sampler;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaKernels;
import dev.millrace.kernels.cuda.CudaKernels.Between;
import dev.millrace.models.ModelSpec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Turns the last layer's output into what each row asked for. The likeliest token is found on the
 * device; whatever else a row wants is read from its logits on the processor, by the code that does
 * it for the CPU backend: so a seed draws the same token from the same logits on either.
 */
final class CudaOutputs {

    private final ModelSpec spec;
    private final CudaKernels kernels;
    private final CudaDevice device;
    private final WorkerPool pool;
    private final CudaWeights weights;
    private final CudaBuffers buffers;
    private final StepInputs inputs;
    private final LogitReader[] readers; // (workers)
    private final float[][] rows; // (workers, vocabulary)
    private final MemorySegment logits; // pinned (logit rows, vocabulary)
    private final MemorySegment best; // pinned (logit rows, 2)
    private final MemorySegment states; // pinned (step tokens, embedding)

    CudaOutputs(ModelSpec spec, CudaKernels kernels, CpuKernels hostKernels, WorkerPool pool,
            CudaWeights weights, CudaBuffers buffers, StepInputs inputs, int stepTokens) {
        this.spec = spec;
        this.kernels = kernels;
        this.device = kernels.device();
        this.pool = pool;
        this.weights = weights;
        this.buffers = buffers;
        this.inputs = inputs;
        readers = new LogitReader[pool.workers()];
        rows = new float[pool.workers()][spec.vocabularySize()];
        for (int worker = 0; worker < readers.length; worker++) {
            readers[worker] = new LogitReader(hostKernels, spec.vocabularySize());
        }
        logits = device.pin((long) buffers.logitRows * spec.vocabularySize() * Float.BYTES);
        best = device.pin(2L * buffers.logitRows * Integer.BYTES);
        states = device.pin((long) stepTokens * spec.embeddingSize() * Float.BYTES);
    }

    /** Has the logits of all the inputs' tokens computed, as a step in a bucket wants them. */
    void queueAll() {
        queue(0, inputs.tokens());
    }

    /**
     * One result per row of the batch that the inputs hold; waits for the device.
     *
     * @param queued whether {@link #queueAll} was
     */
    List<RowResult> collect(StepBatch batch, boolean queued) {
        RowAnswer[] answers = batch.rows().stream()
                .map(row -> new RowAnswer(row.output(), spec)).toArray(RowAnswer[]::new);
        for (int first = 0; first < inputs.outputs(); first += buffers.logitRows) {
            int count = Math.min(buffers.logitRows, inputs.outputs() - first);
            if (!queued) {
                queue(first, count);
            }
            answerSome(batch, answers, first, count);
        }
        pool(batch, answers);
        device.synchronize();
        List<RowResult> results = new ArrayList<>(answers.length);
        for (RowAnswer answer : answers) {
            results.add(answer.result());
        }
        return results;
    }

    private Between lastNorm() {
        return new Between(buffers.hidden, 0, 1, 0, weights.outputNorm(), spec.norm().epsilon(),
                spec.embeddingSize());
    }

    private void queue(int first, int count) {
        int vocabulary = spec.vocabularySize();
        kernels.normSome(lastNorm(), inputs.outputTokens(first), count, 0, buffers.normed);
        kernels.multiply(weights.output(), buffers.normed, count);
        kernels.finishLogits(buffers.logits, buffers.best, count, vocabulary,
                spec.multipliers().logit(), spec.multipliers().logitSoftCap());
        device.download(buffers.best, best.asSlice(0, 2L * count * Integer.BYTES));
    }

    private void answerSome(StepBatch batch, RowAnswer[] answers, int first, int count) {
        long rowBytes = (long) spec.vocabularySize() * Float.BYTES;
        for (int i = 0; i < count; i++) {
            if (!isGreedy(batch.rows().get(inputs.outputRow(first + i)))) {
                device.download(buffers.logits + i * rowBytes,
                        logits.asSlice(i * rowBytes, rowBytes));
            }
        }
        device.synchronize();
        AtomicInteger next = new AtomicInteger();
        if (count == 1) {
            answer(batch, answers, first, 0, 0);
        } else {
            pool.run((worker, workers) -> {
                for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                    answer(batch, answers, first, i, worker);
                }
            });
        }
    }

    private void answer(StepBatch batch, RowAnswer[] answers, int first, int i, int worker) {
        int row = inputs.outputRow(first + i);
        int index = inputs.outputIndex(first + i);
        SequenceRow sequence = batch.rows().get(row);
        if (isGreedy(sequence)) {
            if (best.getAtIndex(ValueLayout.JAVA_INT, 2L * i + 1) == 0) {
                answers[row].take(index, Sampler.POISONED);
                answers[row].poison();
            } else {
                answers[row].take(index, best.getAtIndex(ValueLayout.JAVA_INT, 2L * i));
            }
        } else {
            MemorySegment.copy(logits, ValueLayout.JAVA_FLOAT,
                    (long) i * spec.vocabularySize() * Float.BYTES, rows[worker], 0,
                    spec.vocabularySize());
            readers[worker].answer(answers[row], sequence, index, rows[worker], 0);
        }
    }

    /** Whether the largest logit's token is all that a row wants. */
    private static boolean isGreedy(SequenceRow row) {
        return row.output() instanceof Sample && row.sampling().isPlainGreedy();
    }

    /** Pools the normed last states of rows' tokens, in order of position. */
    private void pool(StepBatch batch, RowAnswer[] answers) {
        boolean wanted = batch.rows().stream().anyMatch(
                row -> row.output() instanceof PooledHidden);
        if (!wanted) {
            return;
        }
        kernels.normSome(lastNorm(), 0, inputs.tokens(), buffers.branch, buffers.normed);
        device.download(buffers.branch, states.asSlice(0,
                (long) inputs.tokens() * spec.embeddingSize() * Float.BYTES));
        device.synchronize();
        for (int row = 0; row < answers.length; row++) {
            SequenceRow sequence = batch.rows().get(row);
            if (sequence.output() instanceof PooledHidden pooled) {
                int end = inputs.firstToken(row) + sequence.tokens().length;
                int first = pooled.pooling() == Pooling.LAST ? end - 1 : inputs.firstToken(row);
                average(first, end, answers[row]);
            }
        }
    }

    private void average(int first, int end, RowAnswer answer) {
        float[] values = answer.values();
        for (int token = first; token < end; token++) {
            for (int i = 0; i < values.length; i++) {
                values[i] += states.getAtIndex(ValueLayout.JAVA_FLOAT,
                        (long) token * values.length + i);
            }
        }
        for (int i = 0; i < values.length; i++) {
            values[i] /= end - first;
        }
        answer.poisonUnlessFinite();
    }
}

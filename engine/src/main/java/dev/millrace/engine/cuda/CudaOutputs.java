package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.LogitReader;
import dev.millrace.engine.forward.LogitSurvey;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
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
 * Turns the last layer's output into what each row asked for. Logits stay on the device, which
 * answers questions about them in few numbers; what a row wants is read from these on the processor
 * by the code that reads logits there, so a seed draws the same token from the same logits on
 * either. Where the numbers are not enough to know it, the row's logits are read back.
 */
final class CudaOutputs {

    private final ModelSpec spec;
    private final CudaKernels kernels;
    private final CudaDevice device;
    private final WorkerPool pool;
    private final CudaWeights weights;
    private final CudaBuffers buffers;
    private final StepInputs inputs;
    private final CudaSurveys surveys;
    private final LogitReader[] readers; // (workers)
    private final LogitSurvey[] rawSurveys; // (workers)
    private final LogitSurvey[] drawSurveys; // (workers)
    private final float[][] rows; // (workers, vocabulary)
    private final boolean[] wantsAll; // (logit rows): whether its logits are read back
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
        surveys = new CudaSurveys(device, buffers, spec.vocabularySize(),
                hostKernels.exponentialError());
        wantsAll = new boolean[buffers.logitRows];
        readers = new LogitReader[pool.workers()];
        rawSurveys = new LogitSurvey[pool.workers()];
        drawSurveys = new LogitSurvey[pool.workers()];
        rows = new float[pool.workers()][spec.vocabularySize()];
        for (int worker = 0; worker < readers.length; worker++) {
            readers[worker] = new LogitReader(hostKernels, spec.vocabularySize());
            rawSurveys[worker] = new LogitSurvey();
            drawSurveys[worker] = new LogitSurvey();
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
        kernels.finishLogits(buffers.logits, buffers.best, buffers.logitArrivals, count,
                vocabulary, spec.multipliers().logit(), spec.multipliers().logitSoftCap());
        device.download(buffers.best, best.asSlice(0, 2L * count * Integer.BYTES));
    }

    private void answerSome(StepBatch batch, RowAnswer[] answers, int first, int count) {
        for (int begin = 0, end; begin < count; begin = end) {
            surveys.begin();
            end = begin;
            while (end < count && asks(batch, first, end)) {
                end++;
            }
            if (end == begin) {
                wantsAll[end++] = true; // more edits than there is room for
            }
            surveys.run();
            device.synchronize();
            eachRow(begin, end, (i, worker) -> answer(batch, answers, first, i, worker));
        }
        readAll(batch, answers, first, count);
    }

    /** Asks about a row's logits; false if there is no room for more. */
    private boolean asks(StepBatch batch, int first, int i) {
        SequenceRow row = batch.rows().get(inputs.outputRow(first + i));
        int index = inputs.outputIndex(first + i);
        wantsAll[i] = row.output() instanceof FullLogits || LogitReader.asksDraw(row)
                && LogitSurvey.wanted(row, index, spec.vocabularySize()) == LogitSurvey.ALL
                || LogitReader.likeliest(row) > LogitSurvey.MOST;
        return wantsAll[i] || surveys.ask(i, row, index);
    }

    /** What is done with one row of the logits, by one of the workers. */
    private interface RowTask {
        void run(int row, int worker);
    }

    private void eachRow(int begin, int end, RowTask task) {
        AtomicInteger next = new AtomicInteger(begin);
        if (end - begin == 1) {
            task.run(begin, 0);
        } else {
            pool.run((worker, workers) -> {
                for (int i = next.getAndIncrement(); i < end; i = next.getAndIncrement()) {
                    task.run(i, worker);
                }
            });
        }
    }

    private void answer(StepBatch batch, RowAnswer[] answers, int first, int i, int worker) {
        int index = inputs.outputIndex(first + i);
        RowAnswer answer = answers[inputs.outputRow(first + i)];
        SequenceRow row = batch.rows().get(inputs.outputRow(first + i));
        if (best.getAtIndex(ValueLayout.JAVA_INT, 2L * i + 1) == 0) {
            wantsAll[i] = false;
            if (row.output() instanceof Sample) {
                answer.take(index, Sampler.POISONED);
            }
            answer.poison();
        } else if (!wantsAll[i]) {
            wantsAll[i] = !readers[worker].answer(answer, row, index,
                    surveys.raw(i, rawSurveys[worker]), surveys.draw(i, drawSurveys[worker]),
                    best.getAtIndex(ValueLayout.JAVA_INT, 2L * i));
        }
    }

    /** Reads back the logits of the rows that want them all. */
    private void readAll(StepBatch batch, RowAnswer[] answers, int first, int count) {
        long rowBytes = (long) spec.vocabularySize() * Float.BYTES;
        boolean any = false;
        for (int i = 0; i < count; i++) {
            if (wantsAll[i]) {
                any = true;
                device.download(buffers.logits + i * rowBytes,
                        logits.asSlice(i * rowBytes, rowBytes));
            }
        }
        if (!any) {
            return;
        }
        device.synchronize();
        eachRow(0, count, (i, worker) -> {
            if (wantsAll[i]) {
                MemorySegment.copy(logits, ValueLayout.JAVA_FLOAT, i * rowBytes, rows[worker], 0,
                        spec.vocabularySize());
                readers[worker].answer(answers[inputs.outputRow(first + i)],
                        batch.rows().get(inputs.outputRow(first + i)),
                        inputs.outputIndex(first + i), rows[worker], 0);
            }
        });
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

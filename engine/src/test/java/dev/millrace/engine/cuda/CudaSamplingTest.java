package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.LogProbabilities;
import dev.millrace.engine.forward.LogitRules;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.Sample;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.OutputRequest.TopLogprobs;
import dev.millrace.engine.forward.Penalties;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.Sampler;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.engine.forward.StepResult.TopTokens;
import dev.millrace.engine.forward.TokenFilters;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.EmulatedDriver;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** What rows draw on an emulated device, against the processor's sampler on the same logits. */
class CudaSamplingTest {

    private static final int VOCABULARY = 2503;
    private static final int ROWS = 40;

    private static WorkerPool pool;
    private static ForwardPass pass;
    private static int[] tokens;
    private static float[][] logits; // (tokens, vocabulary): of a text's last three

    @BeforeAll
    static void open() {
        pool = WorkerPool.create(2);
        RandomModel model = RandomModel.withVocabulary(VOCABULARY);
        pass = EmulatedBackend.open(pool).open(model.spec(), model,
                new MemoryBudget(1L << 30, RandomModel.CONTEXT_TOKENS, ROWS, 5 * ROWS));
        tokens = new Random(5).ints(5, 0, VOCABULARY).toArray();
        float[] all = SequenceFeed.inBlocks(0, 1).step(pass, new FullLogits(3), null, tokens)
                .values();
        logits = new float[3][];
        for (int i = 0; i < 3; i++) {
            logits[i] = Arrays.copyOfRange(all, i * VOCABULARY, (i + 1) * VOCABULARY);
        }
    }

    @AfterAll
    static void close() {
        if (pass != null) {
            pass.close();
        }
        pool.close();
    }

    private static SequenceRow row(int block, OutputRequest output, SamplingRow sampling) {
        return SequenceFeed.inBlocks(block, 1).row(output, sampling, tokens);
    }

    /** Filters of every kind, with rules, penalties and masks by turns. */
    private static SamplingRow sampling(int index, Random random, int positions) {
        float temperature = 0.2f + random.nextFloat();
        TokenFilters plain = TokenFilters.of(temperature, 0, 1, 0);
        TokenFilters filters = switch (index % 8) {
            case 0 -> TokenFilters.GREEDY;
            case 1 -> plain;
            case 2 -> TokenFilters.of(temperature, 40, 1, 0);
            case 3 -> TokenFilters.of(temperature, 0, 0.8f, 0);
            case 4 -> TokenFilters.of(temperature, 0, 1, 0.2f);
            case 5 -> TokenFilters.of(temperature, 20, 0.9f, 0.01f).typical(0.9f);
            case 6 -> plain.typical(0.7f);
            default -> TokenFilters.of(temperature, 0, 0.7f, 0.1f).excludingTop(0.5f, 0.1f);
        };
        SamplingRow row = SamplingRow.of(filters, random.nextLong());
        if (index / 8 % 2 == 1) {
            int[] text = random.ints(30, 0, VOCABULARY).toArray();
            text[29] = argmax(logits[2]);
            row = row.penalised(Penalties.of(1.3f, 0.2f, 0.1f), text, 10);
        }
        if (index / 16 % 2 == 1) {
            int[][] banned = {{argmax(logits[1])}, {1, 2}};
            row = row.ruled(new LogitRules(new int[]{7, 100}, new float[]{3, -2},
                    index % 2 == 0 ? null : bits(random), banned, new int[]{argmax(logits[2])},
                    21));
        }
        if (index % 3 == 0) {
            long[][] masks = new long[positions][];
            masks[0] = bits(random);
            row = row.masked(masks);
        }
        return row;
    }

    private static long[] bits(Random random) {
        return random.longs(Math.ceilDiv(VOCABULARY, 64)).toArray();
    }

    private static int argmax(float[] values) {
        return CpuKernels.scalar().argmax(values, 0, values.length);
    }

    @Test
    void rowsDrawTogetherWhatTheProcessorDrawsFromTheirLogits() {
        Random random = new Random(11);
        List<SequenceRow> rows = new ArrayList<>();
        for (int i = 0; i < ROWS; i++) {
            int positions = 1 + i % 3;
            rows.add(row(i, i % 5 == 4 ? new TopLogprobs(positions, 20) : new Sample(positions),
                    sampling(i, random, positions)));
        }

        List<RowResult> results = SequenceFeed.step(pass, rows.toArray(SequenceRow[]::new));

        Sampler sampler = new Sampler(CpuKernels.scalar(), VOCABULARY);
        LogProbabilities probabilities = new LogProbabilities(CpuKernels.scalar(), VOCABULARY);
        for (int i = 0; i < ROWS; i++) {
            int positions = rows.get(i).output().positions();
            for (int index = 0; index < positions; index++) {
                float[] own = logits[3 - positions + index];
                int token = sampler.sample(own.clone(), 0, rows.get(i), index);
                assertThat(results.get(i).tokens()[index]).as("row %d, output %d", i, index)
                        .isEqualTo(token);
                if (rows.get(i).output() instanceof TopLogprobs) {
                    probabilities.read(own, 0);
                    assertThat(results.get(i).logprobs()[index])
                            .isCloseTo(probabilities.of(token), within(1e-6f));
                    same(results.get(i).top().get(index), probabilities.likeliest(20));
                }
            }
        }
    }

    private static void same(TopTokens actual, TopTokens expected) {
        assertThat(actual.tokens()).isEqualTo(expected.tokens());
        assertThat(actual.logprobs()).containsExactly(expected.logprobs(), within(1e-6f));
    }

    @Test
    void aPromptIsToldItsLogProbabilitiesAndRanks() {
        int[] targets = {3, argmax(logits[1]), 2500};

        RowResult ranked = SequenceFeed.step(pass,
                row(0, new TargetLogprobs(targets, 5), null)).getFirst();
        RowResult plain = SequenceFeed.step(pass, row(0, new TargetLogprobs(targets), null))
                .getFirst();

        LogProbabilities probabilities = new LogProbabilities(CpuKernels.scalar(), VOCABULARY);
        for (int i = 0; i < 3; i++) {
            probabilities.read(logits[i], 0);
            assertThat(ranked.logprobs()[i]).isCloseTo(probabilities.of(targets[i]),
                    within(1e-6f));
            assertThat(ranked.ranks()[i]).isEqualTo(probabilities.rank(targets[i]));
            same(ranked.top().get(i), probabilities.likeliest(5));
        }
        assertThat(plain.logprobs()).isEqualTo(ranked.logprobs());
        assertThat(plain.top()).isEmpty();
    }

    /** As docs/cuda.md says: that more is read back would show in nothing but the time it takes. */
    @Test
    void fewBytesAreReadBack() {
        assertThat(bytesRead(TokenFilters.GREEDY)).isEqualTo(8);
        assertThat(bytesRead(TokenFilters.of(1, 40, 1, 0))).isEqualTo(8 + 40 + 8 * (40 + 64));
        assertThat(bytesRead(TokenFilters.of(0.5f, 0, 0.5f, 0)))
                .isEqualTo(8 + 40 + 8 * (1024 + 64));
        assertThat(bytesRead(TokenFilters.of(0.3f, 0, 1, 0))).isEqualTo(8 + 40 + 4 * 1024);
        assertThat(bytesRead(TokenFilters.of(1, 0, 1, 0).typical(0.5f)))
                .isEqualTo(8 + 4 * VOCABULARY);
    }

    private static long bytesRead(TokenFilters filters) {
        SequenceRow row = row(0, OutputRequest.SAMPLE_LAST, SamplingRow.of(filters, 4));
        long before = EmulatedDriver.count("read");
        SequenceFeed.step(pass, row);
        return EmulatedDriver.count("read") - before;
    }

    /** Where nothing but an end that is held back is allowed, it is said all the same. */
    @Test
    void anEndThatIsAllThatIsAllowedIsSaid() {
        long[] only = new long[Math.ceilDiv(VOCABULARY, 64)];
        only[2] = 2;
        SamplingRow sampling = SamplingRow.of(1, 0, 1, 0, 3)
                .ruled(new LogitRules(new int[0], new float[0], null, new int[0][],
                        new int[]{129}, 5))
                .masked(only);

        assertThat(SequenceFeed.step(pass, row(0, OutputRequest.SAMPLE_LAST, sampling))
                .getFirst().tokens()).containsExactly(129);
        RowResult poisoned = SequenceFeed.step(pass, row(0, OutputRequest.SAMPLE_LAST,
                SamplingRow.of(1, 0, 1, 0, 3).masked(new long[only.length]))).getFirst();
        assertThat(poisoned.poisoned()).isTrue();
    }
}

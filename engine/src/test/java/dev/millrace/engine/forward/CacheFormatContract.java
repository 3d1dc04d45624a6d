package dev.millrace.engine.forward;

import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.KvFormat;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.*;

/** What every forward pass must do with a cache of every format, deep in a sequence too. */
public abstract class CacheFormatContract {

    /** Far enough for several chunks of attention. */
    private static final int LENGTH = 300;
    private static final int BLOCKS = Math.ceilDiv(LENGTH, 32);

    private final RandomModel model = RandomModel.plain();

    /** A backend that opens without warming up. */
    protected abstract Backend backend();

    private ForwardPass open(KvFormat format) {
        return backend().open(model.spec(), model,
                new MemoryBudget(1L << 30, LENGTH, 3, LENGTH, format));
    }

    private int[] prompt(int length) {
        return new Random(length).ints(length, 0, model.spec().vocabularySize()).toArray();
    }

    /**
     * How far a logit may be from the reference, as a share of the largest: halves keep 11 bits,
     * bytes 7. The model is small and its attention sharp: errors do not average out as they do in
     * a real one.
     */
    private static double tolerance(KvFormat format) {
        return switch (format) {
            case F32 -> 5e-5;
            case F16 -> 5e-3;
            case Q8_0 -> 5e-2;
        };
    }

    @ParameterizedTest
    @EnumSource
    void logitsStayCloseToTheReferenceAtEveryPosition(KvFormat format) {
        int[] tokens = prompt(LENGTH);
        double[] expected = Arrays.stream(
                new ReferenceTransformer(model.spec(), model).logits(tokens))
                .flatMapToDouble(Arrays::stream).toArray();
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();

        try (ForwardPass pass = open(format)) {
            float[] logits = SequenceFeed.inBlocks(0, BLOCKS)
                    .step(pass, new FullLogits(LENGTH), null, tokens).values();

            for (int i = 0; i < logits.length; i++) {
                assertThat((double) logits[i]).as("logit %d", i).isCloseTo(expected[i],
                        within(tolerance(format) * largest));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDeepPositionHasTheSameBitsAloneAndInCompanyAndInChunks(KvFormat format) {
        int[] tokens = prompt(LENGTH);
        int[] beginning = Arrays.copyOf(tokens, LENGTH - 1);
        int last = tokens[LENGTH - 1];
        try (ForwardPass pass = open(format)) {
            float[] whole = SequenceFeed.inBlocks(0, BLOCKS).logits(pass, tokens);
            SequenceFeed alone = SequenceFeed.inBlocks(BLOCKS, BLOCKS);
            alone.logits(pass, beginning);
            SequenceFeed accompanied = SequenceFeed.inBlocks(2 * BLOCKS, BLOCKS);
            for (int begin = 0; begin < beginning.length; begin += 97) {
                accompanied.logits(pass, Arrays.copyOfRange(beginning, begin,
                        Math.min(begin + 97, beginning.length)));
            }

            assertThat(alone.logits(pass, last)).isEqualTo(whole);
            List<RowResult> together = SequenceFeed.step(pass,
                    accompanied.row(new FullLogits(1), null, last),
                    SequenceFeed.inBlocks(0, 2).row(OutputRequest.NONE, null, prompt(40)));
            assertThat(together.getFirst().values()).isEqualTo(whole);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSmallerFormatTakesLessMemory(KvFormat format) {
        try (ForwardPass exact = open(KvFormat.F32); ForwardPass pass = open(format)) {
            long exactBytes = exact.cacheGeometry().groups().getFirst().blockBytes();
            long bytes = pass.cacheGeometry().groups().getFirst().blockBytes();
            switch (format) {
                case F32 -> assertThat(bytes).isEqualTo(exactBytes);
                case F16 -> assertThat(bytes).isEqualTo(exactBytes / 2);
                case Q8_0 -> assertThat(bytes).isBetween(exactBytes / 4, exactBytes / 3);
            }
        }
    }
}

package dev.millrace.engine.forward;

import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.Sample;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.OutputRequest.TopLogprobs;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

class BatchRulesTest {

    private static final int VOCABULARY = 100;

    private final BatchRules rules = new BatchRules(
            new CacheGeometry(16, List.of(new LayerGroup(2, 0, 10, 0, 64))),
            new MemoryBudget(1, 48, 2, 40), VOCABULARY);

    private static SequenceRow row(int computedTokens, int[] blocks, int... tokens) {
        return new SequenceRow(tokens, computedTokens, new int[][]{blocks},
                SequenceRow.NO_ADAPTER, OutputRequest.NONE, null);
    }

    private static SequenceRow output(OutputRequest output, SamplingRow sampling) {
        return new SequenceRow(new int[]{1, 2}, 0, new int[][]{{0}}, SequenceRow.NO_ADAPTER,
                output, sampling);
    }

    private static SequenceRow sampling(float temperature, float topP, float minP, int topK) {
        return output(OutputRequest.SAMPLE_LAST, SamplingRow.of(temperature, topK, topP, minP, 1));
    }

    private static SequenceRow penalties(float repetition, float presence, int historyPrompt,
            int... history) {
        return output(OutputRequest.SAMPLE_LAST, SamplingRow.of(1, 0, 1, 0, 1)
                .penalised(Penalties.of(repetition, presence, 0), history, historyPrompt));
    }

    private static SequenceRow bias(int[] tokens, float... values) {
        return output(OutputRequest.SAMPLE_LAST, SamplingRow.of(1, 0, 1, 0, 1)
                .ruled(LogitRules.biased(tokens, values)));
    }

    private static SequenceRow masks(long[]... masks) {
        return output(OutputRequest.SAMPLE_LAST, SamplingRow.of(1, 0, 1, 0, 1).masked(masks));
    }

    private static SequenceRow filters(TokenFilters filters) {
        return output(OutputRequest.SAMPLE_LAST, SamplingRow.of(filters, 1));
    }

    private static SequenceRow dry(float multiplier, float base, int allowedLength, int range) {
        return output(OutputRequest.SAMPLE_LAST, SamplingRow.GREEDY.penalised(Penalties.NONE
                .with(new DryPenalty(multiplier, base, allowedLength, range,
                        SequenceBreakers.NONE)),
                new int[]{1}, 0));
    }

    private static SequenceRow rules(long[] allowed, int banned, int endToken) {
        return output(OutputRequest.SAMPLE_LAST, SamplingRow.GREEDY.ruled(new LogitRules(
                new int[0], new float[0], allowed, new int[][]{{1, banned}},
                new int[]{endToken}, 1)));
    }

    static Stream<Arguments> brokenRows() {
        return Stream.of(
                Arguments.of(row(0, new int[]{0}, 1, 100),
                        "row 0, token 1 is 100; the vocabulary has ids 0 to 99"),
                Arguments.of(row(0, new int[]{0}, -1),
                        "row 0, token 0 is -1; the vocabulary has ids 0 to 99"),
                Arguments.of(row(47, new int[]{0, 1, 2}, 1, 2),
                        "row 0 has 2 tokens after 47 computed ones; the context holds 48"),
                Arguments.of(row(Integer.MAX_VALUE, new int[]{0}, 1),
                        "row 0 has 1 tokens after 2147483647 computed ones; the context holds 48"),
                Arguments.of(row(16, new int[]{0}, 1),
                        "row 0 has 1 blocks for 17 positions; it needs 2"),
                Arguments.of(row(16, new int[]{10, 1}, 1),
                        "row 0 names block 10; there are blocks 0 to 9"),
                Arguments.of(row(16, new int[]{-1, 1}, 1),
                        "row 0 names block -1; there are blocks 0 to 9"),
                Arguments.of(new SequenceRow(new int[]{1}, 0, new int[][]{{0}, {0}},
                        SequenceRow.NO_ADAPTER, OutputRequest.NONE, null),
                        "row 0 has 2 block tables; the cache has 1 layer groups"),
                Arguments.of(new SequenceRow(new int[]{1}, 0, new int[][]{{0}}, 0,
                        OutputRequest.NONE, null),
                        "row 0 wants the adapter in slot 0, but none is loaded there; allowed is "
                                + "-1 or the slot of a loaded adapter"),
                Arguments.of(output(new FullLogits(0), null),
                        "row 0 wants output at 0 positions; at least 1 is needed"),
                Arguments.of(output(new Sample(-1), SamplingRow.GREEDY),
                        "row 0 wants output at -1 positions; at least 1 is needed"),
                Arguments.of(output(new TopLogprobs(1, 101), SamplingRow.GREEDY),
                        "row 0 has number of likeliest tokens 101.0; allowed is 0.0 to 100.0"),
                Arguments.of(output(new TargetLogprobs(new int[]{100}), null),
                        "row 0, target 0 is 100; the vocabulary has ids 0 to 99"),
                Arguments.of(sampling(Float.NaN, 1, 0, 0), "row 0 has temperature NaN"),
                Arguments.of(sampling(Float.POSITIVE_INFINITY, 1, 0, 0),
                        "row 0 has temperature Infinity"),
                Arguments.of(sampling(-1, 1, 0, 0), "row 0 has temperature -1.0"),
                Arguments.of(sampling(1, 1.01f, 0, 0), "row 0 has topP 1.01; allowed is 0.0 to"),
                Arguments.of(sampling(1, 1, -0.1f, 0), "row 0 has minP -0.1"),
                Arguments.of(sampling(1, 1, 0, -2), "row 0 has topK -2.0"),
                Arguments.of(filters(TokenFilters.GREEDY.typical(Float.NaN)),
                        "row 0 has typicalP NaN; allowed is 0.0 to 1.0"),
                Arguments.of(filters(TokenFilters.GREEDY.sigmas(-1)), "row 0 has topNSigma -1.0"),
                Arguments.of(filters(TokenFilters.GREEDY.excludingTop(1.1f, 0)),
                        "row 0 has xtcProbability 1.1"),
                Arguments.of(filters(TokenFilters.GREEDY.excludingTop(1, -1)),
                        "row 0 has xtcThreshold -1.0"),
                Arguments.of(dry(Float.NaN, 2, 2, -1), "row 0 has DRY multiplier NaN"),
                Arguments.of(dry(1, 0.5f, 2, -1), "row 0 has DRY base 0.5"),
                Arguments.of(dry(1, 2, -1, -1), "row 0 has DRY allowed length -1.0"),
                Arguments.of(dry(1, 2, 2, -2), "row 0 has DRY range -2.0"),
                Arguments.of(rules(new long[1], 1, 1), "row 0 has a mask of 1 words"),
                Arguments.of(rules(null, 100, 1), "row 0, banned token 1 is 100"),
                Arguments.of(rules(null, 1, -1), "row 0, end token 0 is -1"),
                Arguments.of(penalties(0, 0, 0), "row 0 has repetitionPenalty 0.0"),
                Arguments.of(penalties(1, Float.NaN, 0), "row 0 has presencePenalty NaN"),
                Arguments.of(output(OutputRequest.SAMPLE_LAST, SamplingRow.GREEDY.penalised(
                        Penalties.NONE.onLast(-2), new int[0], 0)),
                        "row 0 has last tokens to penalise -2"),
                Arguments.of(penalties(2, 0, 3, 1, 2), "row 0 has historyPrompt 3.0"),
                Arguments.of(penalties(2, 0, 0, 1, 100), "row 0, history token 1 is 100"),
                Arguments.of(bias(new int[]{1}, 1, 2), "row 0 has 1 bias tokens but 2 bias values"),
                Arguments.of(bias(new int[]{100}, 1), "row 0, bias token 0 is 100"),
                Arguments.of(bias(new int[]{1}, Float.NaN), "row 0 has a bias of NaN"),
                Arguments.of(bias(new int[]{1}, Float.POSITIVE_INFINITY),
                        "row 0 has a bias of Infinity"),
                Arguments.of(masks(new long[2], new long[2]),
                        "row 0 has 2 masks for 1 positions; give none or one each"),
                Arguments.of(masks(new long[1]),
                        "row 0 has a mask of 1 words; a vocabulary of 100 needs 2"));
    }

    @ParameterizedTest
    @MethodSource("brokenRows")
    void aBrokenRowIsRefusedWithItsReason(SequenceRow row, String reason) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> rules.check(new StepBatch(List.of(row), BlockOperations.NONE)))
                .withMessageStartingWith(reason);
    }

    static Stream<Arguments> brokenOperations() {
        List<Move> none = List.of();
        return Stream.of(
                Arguments.of(new BlockOperations(none, none, List.of(new Move(0, 0, 10)), none),
                        "copy from block 0 to block 10; there are 10 blocks to take from"),
                Arguments.of(new BlockOperations(none, none, List.of(new Move(1, 0, 1)), none),
                        "a block operation names layer group 1; there are groups 0 to 0"),
                Arguments.of(new BlockOperations(none, none, none, List.of(new Move(0, -1, -1))),
                        "zero from block -1"),
                Arguments.of(new BlockOperations(List.of(new Move(0, 0, 0)), none, none, none),
                        "swap out from block 0 to block 0; there are 10 blocks to take from and 0"),
                Arguments.of(new BlockOperations(none, List.of(new Move(0, 0, 0)), none, none),
                        "swap in from block 0 to block 0; there are 0 blocks to take from"));
    }

    @ParameterizedTest
    @MethodSource("brokenOperations")
    void aBrokenBlockOperationIsRefusedWithItsReason(BlockOperations operations, String reason) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> rules.check(new StepBatch(List.of(), operations)))
                .withMessageStartingWith(reason);
    }

    @Test
    void tooManyRowsOrTokensAreRefused() {
        SequenceRow row = row(0, new int[]{0}, 1);
        assertThatIllegalArgumentException().isThrownBy(
                () -> rules.check(new StepBatch(List.of(row, row, row), BlockOperations.NONE)))
                .withMessage("a step of 3 rows; at most 2 are allowed");
        SequenceRow full = row(0, new int[]{0, 1, 2}, new int[41]);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> rules.check(new StepBatch(List.of(full), BlockOperations.NONE)))
                .withMessage("a step of 41 tokens; at most 40 are allowed, so split the prompts "
                        + "into chunks");
    }

    @Test
    void noBlockMayBeWrittenTwice() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> rules.check(new StepBatch(List.of(row(16, new int[]{0, 5}, 1),
                        row(16, new int[]{1, 5}, 1)), BlockOperations.NONE)))
                .withMessage(
                        "block 5 would be written by row 0 and again by row 1; copy it for one "
                                + "of them first");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> rules.check(new StepBatch(
                        List.of(row(0, new int[]{3, 3}, new int[20])), BlockOperations.NONE)))
                .withMessageStartingWith("block 3 would be written by row 0 and again by row 0");
    }

    @Test
    void aSharedPrefixMayBeReadByAllAndChecksLeaveNoTrace() {
        StepBatch shared = new StepBatch(List.of(row(16, new int[]{0, 5}, 1),
                row(16, new int[]{0, 6}, 1)), BlockOperations.NONE);

        for (int i = 0; i < 2; i++) {
            rules.check(shared);
            assertThatIllegalArgumentException().isThrownBy(() -> rules.check(new StepBatch(
                    List.of(row(0, new int[]{5, 5}, new int[20])), BlockOperations.NONE)));
        }
    }

    @Test
    void blocksBehindASlidingWindowNeedNotExist() {
        BatchRules windowed = new BatchRules(
                new CacheGeometry(16, List.of(new LayerGroup(2, 17, 10, 0, 64))),
                new MemoryBudget(1, 48, 2, 40), VOCABULARY);

        windowed.check(new StepBatch(List.of(row(32, new int[]{-1, 3, 4}, 1)),
                BlockOperations.NONE));
        assertThatIllegalArgumentException().isThrownBy(() -> windowed.check(new StepBatch(
                List.of(row(31, new int[]{-1, 3, 4}, 1)), BlockOperations.NONE)));
    }
}

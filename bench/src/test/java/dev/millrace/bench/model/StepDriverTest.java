package dev.millrace.bench.model;

import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.engine.forward.StepResult.RowResult;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class StepDriverTest {

    private final RecordingPass pass = new RecordingPass();

    /** Remembers the steps, and samples for a row the number of its first block. */
    private static final class RecordingPass implements ForwardPass {

        private final List<StepBatch> steps = new ArrayList<>();

        @Override
        public CacheGeometry cacheGeometry() {
            return new CacheGeometry(16, List.of(new LayerGroup(1, 0, 200, 0, 64)));
        }

        @Override
        public DeviceMemory memory() {
            return new DeviceMemory(0, 0, 0, 0);
        }

        @Override
        public StepResult step(StepBatch batch) {
            steps.add(batch);
            return new StepResult(batch.rows().stream().map(row -> row.output().samples()
                    ? new RowResult(new int[]{row.blockTables()[0][0]}, new float[0], List.of(),
                            new float[0], false)
                    : RowResult.EMPTY).toList(), 1);
        }

        @Override
        public void close() {}

        /** Rows as position + number of tokens, {@code *} where a token is sampled. */
        private List<List<String>> shapes() {
            return steps.stream().map(step -> step.rows().stream()
                    .map(row -> row.computedTokens() + "+" + row.tokens().length
                            + (row.output().samples() ? "*" : ""))
                    .toList()).toList();
        }
    }

    private StepDriver driver(int sequences, int contextTokens, int stepTokens) {
        return new StepDriver(pass, sequences, contextTokens, stepTokens, 100);
    }

    @Test
    void aPromptLongerThanAStepIsReadInPiecesAndSamplesOnce() {
        driver(1, 64, 16).prefill(40);
        assertThat(pass.shapes()).containsExactly(List.of("0+16"), List.of("16+16"),
                List.of("32+8*"));
    }

    @Test
    void promptsOfSeveralSequencesFillTheSteps() {
        StepDriver driver = driver(3, 64, 16);
        driver.prefill(10);
        assertThat(pass.shapes()).containsExactly(List.of("0+10*", "0+6"),
                List.of("6+4*", "0+10*"));
        driver.decode();
        // Each sequence goes on with the token that it sampled: the number of its first block.
        assertThat(pass.steps.getLast().rows()).extracting(row -> row.tokens()[0])
                .containsExactly(0, 4, 8);
        assertThat(pass.shapes().getLast()).containsExactly("10+1*", "10+1*", "10+1*");
    }

    @Test
    void aDepthIsComputedOnceAndCopiedToAllBlocksOfAllSequences() {
        StepDriver driver = driver(2, 1040, 512);
        driver.seek(1024);
        driver.decode();
        driver.seek(1024);
        driver.decode();

        assertThat(pass.shapes()).containsExactly(List.of("0+512"), List.of(),
                List.of("1024+1*", "1024+1*"), List.of("1024+1*", "1024+1*"));
        var moves = pass.steps.get(1).blocks().copy();
        assertThat(moves).hasSize(32 + 64);
        assertThat(moves).extracting(move -> move.to()).doesNotHaveDuplicates();
        assertThat(moves).allMatch(move -> move.from() < 32
                && move.to() % 65 % 32 == move.from());
    }

    @Test
    void aSharedPromptIsReadOnce() {
        StepDriver driver = driver(2, 64, 64);
        driver.prefillShared(20);
        driver.decode();
        assertThat(pass.shapes()).containsExactly(List.of("0+20*"), List.of(),
                List.of("20+1*", "20+1*"));
        assertThat(pass.steps.get(1).blocks().copy()).hasSize(2);
    }

    @Test
    void noTwoSequencesShareABlock() {
        driver(3, 64, 48).prefill(16);
        assertThat(pass.steps.getFirst().rows()).extracting(SequenceRow::blockTables)
                .extracting(tables -> tables[0][0]).containsExactly(0, 4, 8);
    }

    @Test
    void moreThanTheCacheHoldsIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> driver(5, 1024, 16))
                .withMessage("5 sequences of 1024 tokens need 320 cache blocks, and memory holds"
                        + " 200; use fewer or shorter sequences");
    }
}

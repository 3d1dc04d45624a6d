package dev.millrace.bench.attribution;

import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.server.metering.attribution.LearntWeights;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Steps such as a server takes, for the meter to learn from before it is scored: one to six
 * sequences that decode somewhere in the context, every third time with a chunk of a prompt beside
 * them. None is a step that is scored.
 */
final class LearningSteps {

    private static final long SEED = 2;
    private static final int MOST_CHUNK_TOKENS = 64;
    private static final int CHUNK_EVERY = 3;

    private final ForwardPass pass;
    private final int sequences;
    private final int contextTokens;
    private final int stepTokens;
    private final SplittableRandom random = new SplittableRandom(SEED);

    LearningSteps(ForwardPass pass, List<StepPlayer> players, int stepTokens) {
        this.pass = pass;
        this.sequences = players.size();
        this.contextTokens = players.stream().mapToInt(StepPlayer::contextTokens).max()
                .orElseThrow();
        this.stepTokens = stepTokens;
    }

    /** Runs so many, and tells what each took. */
    void teach(LearntWeights weights, int steps) {
        for (int i = 0; i < steps; i++) {
            List<StepPlayer> players = players(i % CHUNK_EVERY == 0);
            List<SequenceRow> rows = new ArrayList<>();
            List<StepShare> shares = new ArrayList<>();
            for (StepPlayer player : players) {
                rows.add(new SequenceRow(new int[player.tokens()], player.depthTokens(),
                        pass.cacheGeometry().ownTables(rows.size(), contextTokens, stepTokens),
                        SequenceRow.NO_ADAPTER, OutputRequest.SAMPLE_LAST, SamplingRow.GREEDY));
                shares.add(player.tokens() == 1
                        ? new StepShare("", 0, 0, 1, player.attendedTokens())
                        : new StepShare("", player.tokens(), 0, 0, player.attendedTokens()));
            }
            long began = System.nanoTime();
            pass.step(new StepBatch(rows, BlockOperations.NONE));
            weights.ran(new StepRecord(System.nanoTime() - began, shares));
        }
    }

    private List<StepPlayer> players(boolean chunk) {
        List<StepPlayer> players = new ArrayList<>();
        int count = random.nextInt(1, sequences + 1);
        int mostTokens = Math.max(1, Math.min(Math.min(MOST_CHUNK_TOKENS, contextTokens),
                stepTokens - count));
        for (int i = 0; i < count; i++) {
            int tokens = chunk && i == 0 ? random.nextInt(1, mostTokens + 1) : 1;
            players.add(new StepPlayer(random.nextInt(0, contextTokens - tokens + 1), tokens));
        }
        return players;
    }
}

package dev.millrace.bench.attribution;

import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/** Takes steps of every subset of some sequences, over and over from the same positions. */
final class SubsetSteps {

    private static final long SEED = 1;

    private final ForwardPass pass;
    private final List<SequenceRow> rows = new ArrayList<>();

    /** Fills the caches up to each sequence's depth, honestly computed. */
    SubsetSteps(ForwardPass pass, List<StepPlayer> players, int stepTokens, int vocabularySize) {
        this.pass = pass;
        CacheGeometry geometry = pass.cacheGeometry();
        int context = players.stream().mapToInt(StepPlayer::contextTokens).max().orElseThrow();
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < players.size(); i++) {
            StepPlayer player = players.get(i);
            int[][] tables = geometry.ownTables(i, context, stepTokens);
            for (int done = 0; done < player.depthTokens();) {
                int count = Math.min(stepTokens, player.depthTokens() - done);
                pass.step(new StepBatch(List.of(new SequenceRow(tokens(random, count,
                        vocabularySize), done, tables, SequenceRow.NO_ADAPTER, OutputRequest.NONE,
                        null)), BlockOperations.NONE));
                done += count;
            }
            rows.add(new SequenceRow(tokens(random, player.tokens(), vocabularySize),
                    player.depthTokens(), tables, SequenceRow.NO_ADAPTER,
                    OutputRequest.SAMPLE_LAST, SamplingRow.GREEDY));
        }
    }

    private static int[] tokens(SplittableRandom random, int count, int vocabularySize) {
        return random.ints(count, 0, vocabularySize).toArray();
    }

    /**
     * Measures.
     *
     * @param rounds each takes every subset once, in an order of its own
     * @return what each took
     */
    SubsetTimes measure(int rounds) {
        double[][] nanos = new double[1 << rows.size()][rounds];
        List<Integer> subsets = new ArrayList<>();
        for (int subset = 1; subset < nanos.length; subset++) {
            subsets.add(subset);
        }
        subsets.forEach(this::step); // not counted
        Random order = new Random(SEED);
        for (int round = 0; round < rounds; round++) {
            Collections.shuffle(subsets, order);
            for (int subset : subsets) {
                nanos[subset][round] = step(subset);
            }
        }
        return new SubsetTimes(nanos);
    }

    private long step(int subset) {
        List<SequenceRow> batch = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            if ((subset >> i & 1) != 0) {
                batch.add(rows.get(i));
            }
        }
        long began = System.nanoTime();
        pass.step(new StepBatch(batch, BlockOperations.NONE));
        return System.nanoTime() - began;
    }
}

package dev.millrace.models.text;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** Short pieces and long ones are merged in two ways, to the same end. */
class PairMergerTest {

    private static final int SYMBOLS = 4;

    /** Random merges over a few symbols, so that nearly everything can merge. */
    private static MergeTable randomMerges(SplittableRandom random) {
        MergeTable merges = new MergeTable(60);
        int tokens = SYMBOLS;
        for (int rank = 0; rank < 60; rank++) {
            int left = random.nextInt(tokens);
            int right = random.nextInt(tokens);
            if (!merges.has(left, right)) {
                merges.put(left, right, rank, tokens++);
            }
        }
        return merges;
    }

    private static int[] merge(MergeTable merges, int maxShortSymbols, int[] symbols) {
        PairMerger merger = new PairMerger(merges, maxShortSymbols);
        TokenBuffer out = new TokenBuffer();
        merger.begin(symbols.length);
        for (int symbol : symbols) {
            merger.add(symbol);
        }
        merger.finish(out);
        return out.toArray();
    }

    @Test
    void theQueueMergesAsTheScanDoes() {
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 2000; i++) {
            MergeTable merges = randomMerges(random);
            int[] symbols = random.ints(random.nextInt(1, 120), 0, SYMBOLS).toArray();
            assertThat(merge(merges, 0, symbols))
                    .isEqualTo(merge(merges, Integer.MAX_VALUE, symbols));
        }
    }

    @Test
    void mergesTheLowestRankAndOfEqualsTheLeftmost() {
        MergeTable merges = new MergeTable(3);
        merges.put(0, 0, 1, 2);
        merges.put(0, 1, 0, 3);
        assertThat(merge(merges, 24, new int[]{0, 0, 1, 0, 0, 0})).containsExactly(0, 3, 2, 0);
    }

    @Test
    void mergesAMillionEqualSymbolsInTime() {
        MergeTable merges = new MergeTable(20);
        for (int token = 0; token < 19; token++) {
            merges.put(token, token, token, token + 1);
        }
        assertThat(merge(merges, 24, new int[1 << 20])).containsExactly(19, 19);
    }
}

package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaKernels.AttendWork;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** Which tokens share keys and values: with groups of four heads, tiles of 4 and of 32 tokens. */
class AttentionTilesTest {

    private final AttentionTiles tiles = new AttentionTiles(100, 8, 2);

    private AttendWork lay(boolean captured, int tokens, int[]... spans) {
        StepShape shape = new StepShape(tokens, spans.length, 8, false, captured);
        tiles.begin(shape);
        int first = 0;
        for (int[] span : spans) {
            tiles.add(first, span[0], span[1]);
            first += span[0];
        }
        tiles.end(first);
        return tiles.work(shape, 7);
    }

    @Test
    void promptsAreWalkedAndFewTokensHaveTheirPiecesSideBySide() {
        assertThat(lay(false, 47, new int[]{40, 40}, new int[]{6, 90}, new int[]{1, 5}))
                .isEqualTo(new AttendWork(47, 1, 3, 1, 4, 7));
        assertThat(Arrays.copyOf(tiles.tiles(), 2)).containsExactly(46, 1);
        assertThat(Arrays.copyOfRange(tiles.tiles(), 88, 94)).as("the last tokens first")
                .containsExactly(40, 6, 32, 8, 0, 32);
        assertThat(Arrays.copyOf(tiles.slots(), 47)).containsOnly(-1, 0).endsWith(-1, 0);
    }

    @Test
    void aFewTokensAfterManyPositionsAreNotLeftToFewBlocks() {
        assertThat(lay(false, 40, new int[]{40, 64 * 64})).extracting(AttendWork::wholeTiles)
                .isEqualTo(2);
        assertThat(lay(false, 40, new int[]{40, 64 * 64 + 1}))
                .isEqualTo(new AttendWork(40, 10, 0, 40, 4, 7));
    }

    @Test
    void capturedStepsHaveTheSameGridWhateverIsInThem() {
        AttendWork work = new AttendWork(16, 16, 0, 16, 4, 7);
        assertThat(lay(true, 16, new int[]{6, 6}, new int[]{1, 90})).isEqualTo(work);
        assertThat(Arrays.copyOf(tiles.tiles(), 8)).containsExactly(0, 4, 4, 2, 6, 1, 0, 0);
        assertThat(lay(true, 16, new int[]{1, 256})).isEqualTo(work);
        assertThat(Arrays.copyOf(tiles.slots(), 16)).isSorted().doesNotHaveDuplicates();
    }
}

package dev.millrace.engine;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class BlockPoolTest {

    private final BlockPool pool = new BlockPool(3);

    @Test
    void givesEveryBlockOnceAndThenRefuses() {
        Set<Integer> blocks = new HashSet<>();
        for (int i = 0; i < 3; i++) {
            blocks.add(pool.take());
        }

        assertThat(blocks).containsExactlyInAnyOrder(0, 1, 2);
        assertThat(pool.available()).isZero();
        assertThatIllegalStateException().isThrownBy(pool::take).withMessageContaining("3 blocks");
    }

    @Test
    void aBlockIsFreeOnlyWhenItsLastReferenceIsGone() {
        int block = pool.take();
        pool.retain(block);

        pool.release(block, false);
        assertThat(pool.used()).isEqualTo(1);
        pool.release(block, false);
        assertThat(pool.used()).isZero();
    }

    @Test
    void refusesToReleaseWhatNobodyRefersTo() {
        int block = pool.take();
        pool.release(block, true);

        assertThatIllegalStateException().isThrownBy(() -> pool.release(block, true))
                .withMessageContaining("released twice");
    }

    @Test
    void reusesWorthlessBlocksFirstAndThenTheLongestUnused() {
        int first = pool.take();
        int second = pool.take();
        int worthless = pool.take();
        pool.release(second, true);
        pool.release(first, true);
        pool.release(worthless, false);

        assertThat(pool.take()).isEqualTo(worthless);
        assertThat(pool.take()).isEqualTo(second);
        assertThat(pool.take()).isEqualTo(first);
    }

    @Test
    void aFreeBlockThatServesAgainIsNotGivenToOthers() {
        int first = pool.take();
        int kept = pool.take();
        int last = pool.take();
        pool.release(first, true);
        pool.release(kept, true);
        pool.release(last, true);

        pool.retain(kept);

        assertThat(pool.references(kept)).isEqualTo(1);
        assertThat(pool.take()).isEqualTo(first);
        assertThat(pool.take()).isEqualTo(last);
        assertThat(pool.available()).isZero();
    }
}

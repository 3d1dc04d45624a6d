package dev.millrace.engine;

import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

class BlockCacheTest {

    private static final int STEP_TOKENS = 8;

    private static BlockCache full(int blocks) {
        return new BlockCache(ScriptedForwardPass.geometry(4, blocks), STEP_TOKENS, true);
    }

    private static BlockCache mixed(int fullBlocks, int window, int windowBlocks) {
        return new BlockCache(new CacheGeometry(4, List.of(new LayerGroup(1, 0, fullBlocks, 0, 1),
                new LayerGroup(1, window, windowBlocks, 0, 1))), STEP_TOKENS, true);
    }

    /** Admits a sequence alone and computes all of its tokens. */
    private static Sequence computed(BlockCache cache, Sequence sequence) {
        assertThat(cache.admit(sequence, List.of(), null)).isTrue();
        while (sequence.remainingTokens() > 0) {
            sequence.schedule(cache.grow(sequence,
                    Math.min(STEP_TOKENS, sequence.remainingTokens())));
            assertThat(sequence.scheduledTokens()).isPositive();
            boolean samples = sequence.reachesEnd();
            sequence.advance();
            if (samples) {
                cache.share(sequence);
            }
            cache.slide(sequence);
        }
        return sequence;
    }

    /** Blocks of 4: of a prompt of 11 the 3rd block holds 2 positions that another needs. */
    @Test
    void whoHasTheSamePromptSharesWholeBlocksAndCopiesTheLast() {
        BlockCache cache = mixed(20, 6, 20);
        Sequence leader = computed(cache, Sequences.ofLength(0, 11));
        Sequence follower = Sequences.of(1, leader.tokens(0, 11));

        assertThat(cache.admit(follower, List.of(leader), leader)).isTrue();

        assertThat(follower.computedTokens()).isEqualTo(10);
        int[] theirs = leader.blocks().rows()[0];
        int[] own = follower.blocks().rows()[0];
        assertThat(Arrays.copyOf(own, 2)).isEqualTo(Arrays.copyOf(theirs, 2));
        assertThat(own[2]).isNotEqualTo(theirs[2]);
        int shared = own[1];
        assertThat(cache.pool(0).references(shared)).isEqualTo(2);
        assertThat(cache.operations().copy()).containsExactly(
                new Move(0, theirs[2], own[2]),
                new Move(1, leader.blocks().rows()[1][2], follower.blocks().rows()[1][2]));
        assertThat(cache.operations()).as("asked for once").isEqualTo(BlockOperations.NONE);

        cache.release(leader);
        assertThat(cache.pool(0).references(shared)).isEqualTo(1);
        cache.release(follower);
        assertThat(cache.usedBlocks()).isZero();
    }

    @Test
    void whoFindsNoRoomCopiesNothing() {
        BlockCache cache = full(3);
        Sequence leader = computed(cache, Sequences.ofLength(0, 11));

        assertThat(cache.admit(Sequences.of(1, leader.tokens(0, 11)), List.of(leader), leader))
                .isFalse();
        assertThat(cache.operations()).isEqualTo(BlockOperations.NONE);
        assertThat(cache.pool(0).available()).isZero();
    }

    @Test
    void takesOnlyTheBlocksThatTheTokensNeed() {
        BlockCache cache = full(10);
        Sequence sequence = Sequences.ofLength(0, 9);
        cache.admit(sequence, List.of(), null);

        assertThat(cache.grow(sequence, 4)).isEqualTo(4);
        assertThat(cache.usedBlocks()).isEqualTo(1);
        assertThat(cache.grow(sequence, 9)).isEqualTo(9);
        assertThat(cache.usedBlocks()).isEqualTo(3);
    }

    @Test
    void growsAsFarAsThereAreBlocks() {
        BlockCache cache = full(3);
        computed(cache, Sequences.ofLength(0, 8));
        Sequence second = Sequences.ofLength(1, 4);
        cache.admit(second, List.of(), null);

        second.append(5);
        assertThat(cache.grow(second, 5)).isEqualTo(4);
        second.schedule(4);
        second.advance();
        assertThat(cache.grow(second, 1)).isZero();
    }

    @Test
    void admitsOnlyWhatFitsBesideTheNeedsOfTheRunning() {
        BlockCache cache = full(10);
        Sequence running = Sequences.ofLength(0, 24);
        cache.admit(running, List.of(), null);
        cache.grow(running, 8);

        // 6 blocks are spoken for and one is for growing: 3 are left.
        assertThat(cache.admit(Sequences.ofLength(1, 13), List.of(running), null)).isFalse();
        assertThat(cache.usedBlocks()).isEqualTo(2);
        assertThat(cache.admit(Sequences.ofLength(1, 12), List.of(running), null)).isTrue();
    }

    @Test
    void reusesFullBlocksButNeverTheLastToken() {
        BlockCache cache = full(10);
        Sequence first = computed(cache, Sequences.of(0, 1, 2, 3, 4, 5, 6, 7, 8));
        Sequence same = Sequences.of(1, 1, 2, 3, 4, 5, 6, 7, 8);
        Sequence longer = Sequences.of(2, 1, 2, 3, 4, 5, 6, 7, 8, 9);

        cache.admit(same, List.of(first), null);
        cache.admit(longer, List.of(first, same), null);

        assertThat(same.computedTokens()).isEqualTo(4);
        assertThat(longer.computedTokens()).isEqualTo(8);
        assertThat(longer.usage().cachedTokens()).isEqualTo(8);
        assertThat(cache.usedBlocks()).isEqualTo(2);
    }

    @Test
    void whatIsReleasedStaysFindableUntilItsBlocksAreNeededTailFirst() {
        BlockCache cache = full(3);
        cache.release(computed(cache, Sequences.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)));
        assertThat(cache.usedBlocks()).isZero();

        cache.release(computed(cache, Sequences.ofLength(1, 8)));
        Sequence again = Sequences.of(2, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        cache.admit(again, List.of(), null);

        assertThat(again.computedTokens()).isEqualTo(4);
    }

    @Test
    void sharesNothingThatNoSoundSampleHasVouchedFor() {
        BlockCache cache = full(10);
        Sequence halfway = Sequences.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        cache.admit(halfway, List.of(), null);
        halfway.schedule(cache.grow(halfway, 8));
        halfway.advance();
        cache.release(halfway);

        Sequence next = Sequences.of(1, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        cache.admit(next, List.of(), null);

        assertThat(next.computedTokens()).isZero();
    }

    @Test
    void nobodyFindsWhatADiscreditedSequenceHeld() {
        BlockCache cache = full(10);
        Sequence suspect = computed(cache, Sequences.of(0, 1, 2, 3, 4, 5));
        cache.discredit(suspect);
        cache.release(suspect);

        Sequence next = Sequences.of(1, 1, 2, 3, 4, 5);
        cache.admit(next, List.of(), null);

        assertThat(next.computedTokens()).isZero();
    }

    @Test
    void withoutReuseEverythingIsComputed() {
        BlockCache cache = new BlockCache(ScriptedForwardPass.geometry(4, 10), STEP_TOKENS, false);
        cache.release(computed(cache, Sequences.of(0, 1, 2, 3, 4, 5)));

        Sequence next = Sequences.of(1, 1, 2, 3, 4, 5);
        cache.admit(next, List.of(), null);

        assertThat(next.computedTokens()).isZero();
    }

    @Test
    void returnsTheBlocksThatAWindowHasLeftBehind() {
        BlockCache cache = mixed(20, 6, 5);
        Sequence sequence = computed(cache, Sequences.ofLength(0, 40));

        // The token at position 40 looks back to position 35, which is in block 8.
        assertThat(sequence.blocks().released(1)).isEqualTo(8);
        assertThat(cache.pool(1).used()).isEqualTo(2);
        assertThat(cache.pool(0).used()).isEqualTo(10);
    }

    @Test
    void reusesAPrefixWhoseWindowIsCachedThoughItsBeginningIsNot() {
        BlockCache cache = mixed(20, 6, 5);
        Sequence first = computed(cache, Sequences.ofLength(0, 40));
        cache.release(first);

        Sequence same = Sequences.ofLength(0, 41);
        cache.admit(same, List.of(), null);

        assertThat(same.computedTokens()).isEqualTo(40);
        assertThat(same.blocks().held(1)).isEqualTo(2);
        assertThat(same.blocks().held(0)).isEqualTo(10);
    }

    @Test
    void doesNotReuseAPrefixWhoseWindowIsGone() {
        BlockCache cache = mixed(30, 6, 5);
        cache.release(computed(cache, Sequences.ofLength(0, 40)));
        cache.release(computed(cache, Sequences.ofLength(1, 40)));

        Sequence same = Sequences.ofLength(0, 41);
        cache.admit(same, List.of(), null);

        assertThat(same.computedTokens()).isZero();
    }

    @Test
    void aSequenceMayBeAsLongAsTheSmallestGroupHolds() {
        assertThat(full(10).positions()).isEqualTo(40);
        assertThat(mixed(10, 6, 3).positions()).isEqualTo(40);
        assertThat(mixed(10, 6, 2).positions()).isEqualTo(8);
        assertThat(new BlockCache(new CacheGeometry(4, List.of(new LayerGroup(1, 6, 3, 0, 1))),
                STEP_TOKENS, true).positions()).isEqualTo(Integer.MAX_VALUE);
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "0, 20", "5, 3", "9, 1", "10, 4", "100, 7"})
    void contextIsWhatTheTokensAttendToAveragedOverLayers(int first, int count) {
        BlockCache cache = new BlockCache(new CacheGeometry(4, List.of(
                new LayerGroup(1, 0, 50, 0, 1), new LayerGroup(3, 10, 50, 0, 1))), STEP_TOKENS,
                true);

        long expected = 0;
        for (int position = first; position < first + count; position++) {
            expected += position + 1 + 3L * Math.min(position + 1, 10);
        }
        assertThat(cache.contextTokens(first, count)).isEqualTo(expected / 4);
    }
}

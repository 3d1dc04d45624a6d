package dev.millrace.server.tenants;

import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class TokenBucketTest {

    private long now = 1_000;
    private final TokenBucket bucket = new TokenBucket(600, () -> now);

    @Test
    void holdsAMinutesWorthAndNoMore() {
        assertThat(bucket.take(601)).isEqualTo(Duration.ofMillis(100));
        assertThat(bucket.take(600)).isZero();
        assertThat(bucket.remaining()).isZero();
        assertThat(bucket.untilFull()).isEqualTo(Duration.ofMinutes(1));
    }

    @Test
    void fillsSteadilyAndSaysWhenThereWillBeEnough() {
        bucket.take(600);

        assertThat(bucket.take(1)).isEqualTo(Duration.ofMillis(100));
        pass(Duration.ofMillis(99));
        assertThat(bucket.take(1)).isEqualTo(Duration.ofMillis(1));
        pass(Duration.ofMillis(1));
        assertThat(bucket.take(1)).isZero();
        assertThat(bucket.take(1)).isPositive();
    }

    @Test
    void losesNothingToRoundingHoweverOftenItIsAsked() {
        TokenBucket slow = new TokenBucket(7, () -> now);
        slow.take(7);
        for (int i = 0; i < 60_000; i++) {
            pass(Duration.ofMillis(1));
            slow.remaining();
        }

        assertThat(slow.remaining()).isEqualTo(7);
    }

    @Test
    void isFullAfterALongSilence() {
        bucket.take(600);
        pass(Duration.ofDays(365 * 100));

        assertThat(bucket.remaining()).isEqualTo(600);
    }

    @Test
    void holdsTheLargestLimitToo() {
        TokenBucket large = new TokenBucket(Integer.MAX_VALUE, () -> now);

        assertThat(large.take(Integer.MAX_VALUE)).isZero();
        pass(Duration.ofMinutes(10));
        assertThat(large.remaining()).isEqualTo(Integer.MAX_VALUE);
    }

    @Test
    void isInDebtWhenMoreWasUsedThanTaken() {
        bucket.take(600);
        bucket.giveBack(-600);

        assertThat(bucket.remaining()).isZero();
        assertThat(bucket.take(1)).isEqualTo(Duration.ofMillis(60_100));
    }

    @Test
    void givesBackNoMoreThanItHolds() {
        bucket.take(10);
        bucket.giveBack(1_000);

        assertThat(bucket.remaining()).isEqualTo(600);
    }

    @Test
    void aThousandAtOnceTakeNoMoreThanThereIs() throws Exception {
        AtomicInteger taken = new AtomicInteger();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 1_000; i++) {
                threads.execute(() -> {
                    if (bucket.take(7).isZero()) {
                        taken.addAndGet(7);
                    }
                });
            }
        }

        assertThat(taken.get()).isEqualTo(600 / 7 * 7);
    }

    private void pass(Duration time) {
        now += time.toNanos();
    }
}

package dev.millrace.kernels;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** What hangs fails after minutes: a machine with other work to do may take one. */
@Timeout(300)
class WorkerPoolTest {

    /** One worker, the usual two, and far more than the machine has processors. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 16})
    void everyWorkerRunsOnceInEveryRound(int workers) {
        int rounds = 1_000;
        long[] runs = new long[workers];
        try (WorkerPool pool = WorkerPool.create(workers)) {
            assertThat(pool.workers()).isEqualTo(workers);
            for (int round = 1; round <= rounds; round++) {
                pool.run((worker, count) -> {
                    assertThat(count).isEqualTo(workers);
                    runs[worker]++;
                });
                // Plain reads: what workers wrote is visible once run has returned.
                assertThat(Arrays.stream(runs).sum()).isEqualTo((long) round * workers);
            }
        }
        assertThat(runs).containsOnly(rounds);
    }

    @Test
    void workersSeeWhatTheCallerWroteBefore() {
        int[] input = new int[1];
        int[] seen = new int[4];
        try (WorkerPool pool = WorkerPool.create(4)) {
            for (int round = 0; round < 1_000; round++) {
                input[0] = round;
                pool.run((worker, count) -> seen[worker] = input[0]);
                assertThat(seen).containsOnly(round);
            }
        }
    }

    @Test
    void theCallerIsWorkerZeroAndTheOthersAreDaemons() {
        Thread[] threads = new Thread[3];
        try (WorkerPool pool = WorkerPool.create(3)) {
            pool.run((worker, count) -> threads[worker] = Thread.currentThread());
        }
        assertThat(threads[0]).isSameAs(Thread.currentThread());
        assertThat(threads).doesNotHaveDuplicates();
        assertThat(threads[1].isDaemon()).isTrue();
        assertThat(threads[2].getName()).isEqualTo("millrace-worker-2");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void throwsWhatAWorkerThrewAfterAllHaveStopped(int failing) {
        AtomicInteger finished = new AtomicInteger();
        try (WorkerPool pool = WorkerPool.create(3)) {
            assertThatThrownBy(() -> pool.run((worker, count) -> {
                if (worker == failing) {
                    throw new ArithmeticException("worker " + worker);
                }
                sleep(Duration.ofMillis(20));
                finished.incrementAndGet();
            })).isInstanceOf(ArithmeticException.class).hasMessage("worker " + failing);
            assertThat(finished).hasValue(2);

            pool.run((worker, count) -> finished.incrementAndGet());
            assertThat(finished).hasValue(5);
        }
    }

    @Test
    void throwsErrorsAsTheyAre() {
        try (WorkerPool pool = WorkerPool.create(2)) {
            assertThatExceptionOfType(StackOverflowError.class)
                    .isThrownBy(() -> pool.run((worker, count) -> {
                        throw new StackOverflowError();
                    }));
        }
    }

    @Test
    void idleWorkersParkAndWakeAgain() {
        AtomicReference<Thread> helper = new AtomicReference<>();
        AtomicInteger runs = new AtomicInteger();
        try (WorkerPool pool = WorkerPool.create(2)) {
            for (int round = 1; round <= 5; round++) {
                pool.run((worker, count) -> {
                    runs.incrementAndGet();
                    if (worker == 1) {
                        helper.set(Thread.currentThread());
                    }
                });
                assertThat(runs).hasValue(2 * round);
                awaitParked(helper.get());
            }
        }
    }

    @Test
    void theCallerParksWhileAWorkerTakesLong() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        try (WorkerPool pool = WorkerPool.create(2)) {
            Thread caller = Thread.ofPlatform().start(() -> pool.run((worker, count) -> {
                if (worker == 1) {
                    await(release);
                }
            }));
            awaitParked(caller);
            release.countDown();
            caller.join();
        }
    }

    @Test
    void anInterruptNeitherCutsARoundShortNorGetsLost() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        AtomicInteger finished = new AtomicInteger();
        AtomicReference<String> outcome = new AtomicReference<>();
        try (WorkerPool pool = WorkerPool.create(2)) {
            Thread caller = Thread.ofPlatform().start(() -> {
                pool.run((worker, count) -> {
                    if (worker == 1) {
                        await(release);
                    }
                    finished.incrementAndGet();
                });
                outcome.set(finished.get() + " finished, interrupted "
                        + Thread.currentThread().isInterrupted());
            });
            awaitParked(caller);
            caller.interrupt();
            assertThat(caller.join(Duration.ofMillis(50))).isFalse();
            release.countDown();
            caller.join();
        }
        assertThat(outcome).hasValue("2 finished, interrupted true");
    }

    @Test
    void anInterruptedWorkerGoesOnWorking() {
        AtomicIntegerArray runs = new AtomicIntegerArray(2);
        try (WorkerPool pool = WorkerPool.create(2)) {
            pool.run((worker, count) -> {
                if (worker == 1) {
                    Thread.currentThread().interrupt();
                }
            });
            for (int round = 0; round < 100; round++) {
                pool.run((worker, count) -> runs.incrementAndGet(worker));
            }
        }
        assertThat(runs.get(1)).isEqualTo(100);
    }

    @Test
    void refusesASecondTaskWhileOneRuns() {
        try (WorkerPool pool = WorkerPool.create(2)) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> pool.run((worker, count) -> pool.run((w, c) -> {})))
                    .withMessageContaining("one at a time");
            assertThatCode(() -> pool.run((worker, count) -> {})).doesNotThrowAnyException();
        }
    }

    @Test
    void refusesToCloseWhileATaskRuns() {
        WorkerPool pool = WorkerPool.create(2);
        assertThatIllegalStateException()
                .isThrownBy(() -> pool.run((worker, count) -> pool.close()));
        pool.run((worker, count) -> {});
        pool.close();
    }

    @Test
    void closingEndsTheThreadsAndMayBeRepeated() {
        Thread[] threads = new Thread[2];
        WorkerPool pool = WorkerPool.create(2);
        pool.run((worker, count) -> threads[worker] = Thread.currentThread());
        pool.close();
        pool.close();
        assertThat(threads[1].isAlive()).isFalse();
        assertThatIllegalStateException().isThrownBy(() -> pool.run((worker, count) -> {}))
                .withMessageContaining("closed");
    }

    @Test
    void refusesAnImpossibleNumberOfWorkers() {
        assertThatIllegalArgumentException().isThrownBy(() -> WorkerPool.create(0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WorkerPool.create(WorkerPool.MAX_WORKERS + 1))
                .withMessageContaining("1 to 1024");
        assertThat(WorkerPool.defaultWorkers()).isBetween(1, WorkerPool.MAX_WORKERS);
    }

    private static void awaitParked(Thread thread) {
        while (thread.getState() != Thread.State.WAITING) {
            sleep(Duration.ofMillis(1));
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(300, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void sleep(Duration duration) {
        try {
            Thread.sleep(duration);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}

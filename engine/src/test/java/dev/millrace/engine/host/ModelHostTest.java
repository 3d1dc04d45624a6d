package dev.millrace.engine.host;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.FinishReason;
import dev.millrace.engine.Generation;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.models.ModelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

/** Models that come and go, with engines that run in earnest on scripted models. */
@Timeout(60)
class ModelHostTest {

    private static final long BUDGET_BYTES = 100;
    private static final int ENDLESS = 400;

    private final DeviceLane lane = new DeviceLane();
    private final RecordingObserver books = new RecordingObserver();
    private final AtomicLong clock = new AtomicLong();
    private final List<String> opened = new ArrayList<>();
    private final AtomicLong bytesInUse = new AtomicLong();
    private volatile long mostBytesInUse;
    private ModelHost host = ModelHost.start(BUDGET_BYTES, Duration.ZERO, clock::get);

    @AfterEach
    void close() {
        host.close();
        assertThat(bytesInUse).hasValue(0);
    }

    /** An engine of a scripted model that counts what it takes. */
    private final class Scripted implements RunningModel {

        private final long bytes;
        private final BatchingEngine engine;

        Scripted(String name, long bytes, NextToken script) {
            this(name, bytes, script, 200_000);
        }

        Scripted(String name, long bytes, NextToken script, long stepNanos) {
            this.bytes = bytes;
            opened.add(name);
            mostBytesInUse = Math.max(mostBytesInUse, bytesInUse.addAndGet(bytes));
            ScriptedForwardPass pass = lane.overhead(
                    () -> new ScriptedForwardPass(script).takes(stepNanos, 0));
            engine = BatchingEngine.start(name, pass, Vocabulary.of(new FakeTokenizer(),
                    FakeTokenizer.VOCABULARY_SIZE),
                    new EngineSettings(4, 64, 512, 64, 10_000,
                            true),
                    lane, books);
        }

        @Override
        public BatchingEngine engine() {
            return engine;
        }

        @Override
        public DeviceMemory memory() {
            return new DeviceMemory(bytes, 0, 0, 0);
        }

        @Override
        public void close() {
            engine.close();
            bytesInUse.addAndGet(-bytes);
        }
    }

    private HostedModel add(String name, long bytes) {
        return add(name, bytes, false);
    }

    private HostedModel add(String name, long bytes, boolean pinned) {
        return host.add(name, bytes, pinned,
                () -> new Scripted(name, bytes, NextToken.answer("I am " + name)));
    }

    private static String ask(HostedModel model) throws InterruptedException {
        return Answer.of(model.submit(Requests.of("r" + System.nanoTime(), "who?", 20))).text();
    }

    /** An answer is there a moment before its engine is idle. */
    private static void askAndSettle(HostedModel model) throws InterruptedException {
        ask(model);
        await(() -> model.status().running() + model.status().waiting() == 0);
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            LockSupport.parkNanos(100_000);
            if (Thread.interrupted()) {
                throw new InterruptedException("waited for too long");
            }
        }
    }

    @Test
    void opensAModelWhenItIsAskedForAndKeepsItWhileThereIsRoom() throws Exception {
        HostedModel a = add("a", 40);
        HostedModel b = add("b", 60);

        assertThat(a.loaded()).isFalse();
        assertThat(ask(a)).isEqualTo("I am a");
        assertThat(ask(b)).isEqualTo("I am b");
        assertThat(ask(a)).isEqualTo("I am a");

        assertThat(opened).containsExactly("a", "b");
        assertThat(a.memory().weightBytes()).isEqualTo(40);
    }

    @Test
    void aModelWhoseDeviceIsLostIsNotOpenedAgain() {
        AtomicLong tries = new AtomicLong();
        HostedModel lost = host.add("lost", 40, false, () -> {
            tries.incrementAndGet();
            throw new DeviceLostException("the GPU 0 is lost", null);
        });
        assertThat(lost.failure()).isEmpty();

        for (int i = 0; i < 3; i++) {
            assertThatExceptionOfType(OverloadException.class)
                    .isThrownBy(() -> lost.submit(Requests.of("r", "who?", 20)))
                    .withMessageContaining("the GPU 0 is lost");
        }
        assertThat(tries).hasValue(1);
        assertThat(lost.failure()).hasValue("the GPU 0 is lost");
    }

    @Test
    void theOneThatWasUsedLongestAgoGoes() throws Exception {
        HostedModel a = add("a", 50);
        HostedModel b = add("b", 50);
        HostedModel c = add("c", 50);
        askAndSettle(a);
        clock.set(1);
        askAndSettle(b);
        clock.set(2);
        askAndSettle(a);
        clock.set(3);

        assertThat(ask(c)).isEqualTo("I am c");

        assertThat(a.loaded()).isTrue();
        assertThat(b.loaded()).isFalse();
        assertThat(b.memory().totalBytes()).isZero();
        assertThat(b.status().steps()).isPositive(); // counted on, although its engine is gone
        assertThat(ask(b)).isEqualTo("I am b");
        assertThat(b.loads()).isEqualTo(2);
        assertThat(mostBytesInUse).isLessThanOrEqualTo(BUDGET_BYTES);
    }

    @Test
    void oneThatIsPinnedStaysWhoeverNeedsItsMemory() throws Exception {
        HostedModel a = add("a", 50, true);
        HostedModel b = add("b", 50);
        HostedModel c = add("c", 50);
        ask(a);
        clock.set(1);
        ask(b);
        ask(c);

        assertThat(a.loaded()).isTrue();
        assertThat(b.loaded()).isFalse();
    }

    @Test
    void aRunningRequestIsNotCutForAnotherModel() throws Exception {
        HostedModel a = host.add("a", 80, false,
                () -> new Scripted("a", 80, NextToken.letters()));
        HostedModel b = add("b", 80);
        Generation running = a.submit(Requests.of("long", "go", ENDLESS));
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<String> other = threads.submit(() -> ask(b));

            Answer answer = Answer.of(running);

            assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
            assertThat(answer.tokens()).hasSize(ENDLESS);
            assertThat(other.get()).isEqualTo("I am b");
        }
        assertThat(mostBytesInUse).isEqualTo(80);
    }

    @Test
    void everyModelGetsItsTurnHoweverMuchAnotherIsAskedFor() throws Exception {
        List<HostedModel> models = List.of(add("a", 70), add("b", 70), add("c", 70));
        List<Future<String>> answers = new ArrayList<>();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 60; i++) {
                HostedModel model = models.get(i * i % 3);
                answers.add(threads.submit(() -> ask(model)));
            }
            for (Future<String> answer : answers) {
                assertThat(answer.get()).startsWith("I am ");
            }
        }
        assertThat(books.finished()).hasSize(60);
        assertThat(mostBytesInUse).isEqualTo(70);
        assertThat(books.stepNanos()).isEqualTo(lane.reading().stepNanos());
    }

    @Test
    void aModelWithoutRequestsForSoLongIsFreed() throws Exception {
        host.close();
        host = ModelHost.start(BUDGET_BYTES, Duration.ofMinutes(5), clock::get);
        HostedModel a = add("a", 50);
        HostedModel b = add("b", 50);
        askAndSettle(a);
        clock.set(Duration.ofMinutes(4).toNanos());
        ask(b);
        assertThat(a.loaded()).isTrue();

        clock.set(Duration.ofMinutes(6).toNanos());
        ask(b); // whoever comes makes the host look
        await(() -> !a.loaded());

        assertThat(b.loaded()).isTrue();
        assertThat(ask(a)).isEqualTo("I am a");
    }

    @Test
    void saysWhyAModelCannotBeOpenedAndTriesAgainNextTime() throws Exception {
        AtomicLong attempts = new AtomicLong();
        HostedModel broken = host.add("broken", 80, false, () -> {
            if (attempts.getAndIncrement() == 0) {
                throw new BackendException("the file is gone");
            }
            return new Scripted("broken", 80, NextToken.answer("I am back"));
        });

        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> ask(broken))
                .withMessage("broken could not be loaded: the file is gone");
        assertThat(ask(broken)).isEqualTo("I am back");
    }

    @Test
    void doesNotTellClientsOfFiles() {
        HostedModel broken = host.add("broken", 80, false, () -> {
            throw new ModelException("/home/me/models/broken.gguf ends within a tensor");
        });

        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> ask(broken))
                .withMessage("broken could not be loaded; the server's log says why");
    }

    @Test
    void loadingAtTheStartThrowsWhatOpeningThrew() {
        HostedModel broken = host.add("broken", 1, false, () -> {
            throw new BackendException("no such kernels");
        });

        assertThatExceptionOfType(BackendException.class).isThrownBy(broken::load)
                .withMessage("no such kernels");
    }

    @Test
    void refusesAModelThatCouldNeverBeOpened() {
        add("pinned", 60, true);

        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> add("big", 50))
                .withMessageContaining("big takes 50 B").withMessageContaining("40 B");
    }

    @Test
    void whoWaitsForAModelIsToldWhenTheServerStops() throws Exception {
        HostedModel a = host.add("a", 80, false,
                () -> new Scripted("a", 80, NextToken.letters(), 50_000_000));
        HostedModel b = add("b", 80);
        Generation running = a.submit(Requests.of("long", "go", ENDLESS));
        CompletableFuture<String> other = CompletableFuture.supplyAsync(() -> {
            try {
                return ask(b);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        await(() -> b.status().waiting() > 0 || other.isDone());

        b.drain(Duration.ZERO);
        a.drain(Duration.ZERO);

        assertThatExceptionOfType(ExecutionException.class).isThrownBy(other::get)
                .withCauseInstanceOf(OverloadException.class);
        assertThat(Answer.of(running).finished().reason()).isEqualTo(FinishReason.CANCELLED);
    }
}

package dev.millrace.engine.replicas;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.DeviceLanes;
import dev.millrace.engine.Engine;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.EngineStatus;
import dev.millrace.engine.FinishReason;
import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.ReplicaStatus;
import dev.millrace.engine.UnloadedAdapterException;
import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.cpu.TinyLora;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.LoraAdapter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

/** Engines side by side over models without arithmetic. */
@Timeout(300)
class ReplicatedEngineTest {

    private static final EngineSettings SETTINGS = new EngineSettings(8, 64, 512, 2, 1000, true);
    private static final NextToken MODEL = NextToken.letters();
    private static final String WHY = "the GPU 1 is lost; restart the server";

    private final DeviceLanes lanes = new DeviceLanes(2);
    private final List<RecordingObserver> books = List.of(new RecordingObserver(),
            new RecordingObserver());
    private final List<ScriptedForwardPass> passes = List.of(new ScriptedForwardPass(MODEL),
            new ScriptedForwardPass(MODEL));
    private final CompletableFuture<Void> gate = new CompletableFuture<>();
    private ReplicatedEngine engine;

    @AfterEach
    void close() {
        gate.complete(null);
        if (engine != null) {
            engine.close();
        }
    }

    private void start() {
        Vocabulary vocabulary = Vocabulary.of(new FakeTokenizer(), FakeTokenizer.VOCABULARY_SIZE);
        List<BatchingEngine> engines = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            engines.add(BatchingEngine.start("replica" + i, passes.get(i), vocabulary, SETTINGS,
                    lanes.lane(i), books.get(i)));
        }
        engine = new ReplicatedEngine(engines);
    }

    /** Lets no step of either run before the gate opens. */
    private void startBlocked() {
        passes.forEach(pass -> pass.failWhen(_ -> {
            gate.join();
            return false;
        }));
        start();
    }

    private static boolean lose() {
        throw new DeviceLostException(WHY, null);
    }

    /** Which replica ended a request. */
    private int placeOf(String id) {
        for (int place = 0; place < books.size(); place++) {
            if (books.get(place).finished().stream()
                    .anyMatch(ended -> ended.requestId().equals(id))) {
                return place;
            }
        }
        throw new AssertionError(id + " has not ended");
    }

    private static int[] letters(int count, char from) {
        int[] tokens = new int[count];
        Arrays.setAll(tokens, i -> FakeTokenizer.FIRST_BYTE + from + i % 7);
        return tokens;
    }

    /** What is said to a request, once nothing of it is left in the engine. */
    private Answer answer(String id, int[] prompt, int tokens) throws InterruptedException {
        Answer answer = Answer.of(engine.submit(Requests.of(id, prompt, tokens)));
        while (engine.status().running() + engine.status().waiting() > 0) {
            LockSupport.parkNanos(100_000); // its reader may know of the end a moment earlier
        }
        return answer;
    }

    @Test
    void turnsOfAConversationStayWhereItsBeginningIsAndSayWhatOneEngineWould() throws Exception {
        start();
        List<int[]> texts = new ArrayList<>(List.of(letters(40, 'a'), letters(40, 'h')));
        for (int turn = 0; turn < 4; turn++) {
            for (int talk = 0; talk < 2; talk++) {
                int[] prompt = texts.get(talk);
                int[] alone = ScriptedForwardPass.alone(MODEL, prompt, 24);
                Answer answer = answer("talk" + talk + "turn" + turn, prompt, 24);

                assertThat(answer.ids()).isEqualTo(alone);
                assertThat(placeOf("talk" + talk + "turn" + turn)).isEqualTo(talk);
                assertThat(answer.finished().usage().cachedTokens())
                        .isEqualTo(turn == 0 ? 0 : (prompt.length - 18) / 16 * 16);
                int[] next = Arrays.copyOf(prompt, prompt.length + alone.length + 16);
                System.arraycopy(alone, 0, next, prompt.length, alone.length);
                System.arraycopy(letters(16, 'p'), 0, next, prompt.length + alone.length, 16);
                texts.set(talk, next);
            }
        }
        assertThat(engine.replicas()).extracting(ReplicaStatus::requests).containsExactly(4L, 4L);
        engine.close();
        assertThat(engine.status().steps()).isEqualTo(passes.get(0).steps()
                + passes.get(1).steps());
    }

    @Test
    void choicesShareTheirPromptOnOneReplicaWhileOthersGoElsewhere() throws Exception {
        startBlocked();
        int[] prompt = letters(50, 'a');
        List<Generation> choices = new ArrayList<>();
        choices.add(engine.submit(Requests.of("choice0", prompt, 4)));
        choices.add(engine.submit(Requests.of("choice1", prompt, 4)));
        Generation other = engine.submit(Requests.of("other", letters(50, 'h'), 4));
        gate.complete(null);
        for (Generation choice : choices) {
            assertThat(Answer.of(choice).ids()).hasSize(4);
        }
        Answer.of(other);

        assertThat(placeOf("choice1")).isEqualTo(placeOf("choice0"))
                .isNotEqualTo(placeOf("other"));
        assertThat(books.get(placeOf("choice0")).finished().stream()
                .mapToInt(ended -> ended.usage().cachedTokens()).sum()).isEqualTo(49);
    }

    @Test
    void whoFindsNoPlaceIsOfferedToTheOthersAndAllTogetherSayWhenTheyAreFull() throws Exception {
        startBlocked();
        int[] prompt = letters(50, 'a');
        List<Generation> generations = new ArrayList<>();
        try {
            for (int i = 0; i < 100; i++) { // choices, which would rather stay together
                generations.add(engine.submit(Requests.of("r" + i, prompt, 2)));
            }
            fail("100 requests found a place in two queues of two");
        } catch (OverloadException full) {
            assertThat(full).hasMessageStartingWith("the queue is full with 2 requests");
        }
        assertThat(generations).hasSizeBetween(4, 6); // one step each may have begun
        assertThat(engine.replicas()).allMatch(replica -> replica.requests() >= 2);
    }

    @Test
    void aLostReplicaEndsItsRequestsAndTheOthersGoOn() throws Exception {
        passes.get(1).failWhen(_ -> lose());
        start();
        Answer served = answer("first", letters(20, 'a'), 5);
        Answer failed = answer("second", letters(20, 'h'), 5);

        assertThat(served.ids()).hasSize(5);
        assertThat(failed.finished().reason()).isEqualTo(FinishReason.FAILED);
        assertThat(failed.finished().error()).isEqualTo(WHY);
        for (int i = 0; i < 4; i++) {
            assertThat(answer("later" + i, letters(20, 'h'), 5).ids()).hasSize(5);
            assertThat(placeOf("later" + i)).isZero();
        }
        assertThat(engine.failure()).isEmpty();
        assertThat(engine.status().draining()).isFalse();
        assertThat(engine.replicas()).extracting(ReplicaStatus::failure)
                .containsExactly(Optional.empty(), Optional.of(WHY));
        assertThat(engine.drain(Duration.ofMinutes(1))).isTrue();
    }

    @Test
    void onceAllAreLostEverythingIsRefusedWithTheSentence() throws Exception {
        passes.forEach(pass -> pass.failWhen(_ -> lose()));
        start();
        answer("first", letters(20, 'a'), 5);
        answer("second", letters(20, 'h'), 5);

        assertThat(engine.failure()).hasValue(WHY);
        assertThatExceptionOfType(OverloadException.class)
                .isThrownBy(() -> engine.submit(Requests.of("late", letters(9, 'a'), 5)))
                .withMessage(WHY);
    }

    @Test
    void cancelledRequestsAndThoseOfADrainedEngineEnd() throws Exception {
        startBlocked();
        Generation first = engine.submit(Requests.of("first", letters(20, 'a'), 400));
        Generation second = engine.submit(Requests.of("second", letters(20, 'h'), 400));
        assertThat(engine.status().running() + engine.status().waiting()).isEqualTo(2);
        first.cancel();
        CompletableFuture<Boolean> drained = CompletableFuture
                .supplyAsync(() -> engine.drain(Duration.ofMinutes(2)));
        gate.complete(null);

        assertThat(Answer.of(first).finished().reason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(Answer.of(second).ids()).hasSize(400);
        assertThat(drained.join()).isTrue();
        assertThat(engine.status().draining()).isTrue();
        assertThatExceptionOfType(OverloadException.class)
                .isThrownBy(() -> engine.submit(Requests.of("late", letters(9, 'a'), 5)))
                .withMessageContaining("shutting down");
    }

    @Test
    void aRequestThatCanNeverRunIsRefusedAtOnce() {
        start();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.submit(Requests.of("long", letters(600, 'a'), 5)))
                .withMessageContaining("600 tokens");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ReplicatedEngine(List.of(new FakeReplica())));
    }

    @Test
    void adaptersAreOnAllReplicasUnderOneSlot() {
        FakeReplica one = new FakeReplica();
        FakeReplica other = new FakeReplica();
        other.nextSlot = 7;
        ReplicatedEngine both = new ReplicatedEngine(List.of(one, other));
        try (TinyLora tiny = new TinyLora(CpuKernels.scalar())) {
            int slot = both.loadAdapter(tiny.open("wide"));
            int second = both.loadAdapter(tiny.open("even"));
            GenerationRequest request = Requests.of("a", new int[]{1}, 1);
            both.submit(request.withAdapter(slot));
            both.submit(request.withAdapter(second));

            assertThat(one.submitted).extracting(GenerationRequest::adapterSlot)
                    .containsExactly(0);
            assertThat(other.submitted).extracting(GenerationRequest::adapterSlot)
                    .containsExactly(8);
            both.unloadAdapter(slot);
            assertThat(one.unloaded).containsExactly(0);
            assertThat(other.unloaded).containsExactly(7);
            assertThatExceptionOfType(UnloadedAdapterException.class)
                    .isThrownBy(() -> both.submit(request.withAdapter(slot)));
            assertThatExceptionOfType(UnloadedAdapterException.class)
                    .isThrownBy(() -> both.unloadAdapter(slot));
        }
    }

    @Test
    void anAdapterThatOneHasNoRoomForIsOnNone() {
        FakeReplica one = new FakeReplica();
        FakeReplica other = new FakeReplica();
        other.loading = new BackendException("no room");
        Engine both = new ReplicatedEngine(List.of(one, other));
        try (TinyLora tiny = new TinyLora(CpuKernels.scalar());
                LoraAdapter adapter = tiny.open("wide")) {
            assertThatExceptionOfType(BackendException.class)
                    .isThrownBy(() -> both.loadAdapter(adapter));
            assertThat(one.unloaded).containsExactly(0);

            other.failure = WHY;
            int slot = both.loadAdapter(adapter);
            both.submit(Requests.of("a", new int[]{1}, 1).withAdapter(slot));
            assertThat(one.submitted).hasSize(1);
            one.failure = WHY;
            assertThatExceptionOfType(OverloadException.class)
                    .isThrownBy(() -> both.submit(Requests.of("b", new int[]{1}, 1)
                            .withAdapter(slot)))
                    .withMessage(WHY);
        }
    }

    @Test
    void whatBothDoIsAddedUp() {
        FakeReplica one = new FakeReplica();
        FakeReplica other = new FakeReplica();
        one.requests = 3;
        other.requests = 4;
        other.failure = WHY; // a lost one drains, the other does not
        assertThat(new ReplicatedEngine(List.of(one, other)).status())
                .isEqualTo(new EngineStatus(7, 0, 2, 20, 10, 4, 2, false));
    }
}

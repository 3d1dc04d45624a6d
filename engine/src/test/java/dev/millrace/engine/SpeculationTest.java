package dev.millrace.engine;

import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.assertThat;

@Timeout(120)
class SpeculationTest {

    private static final int VOCABULARY = 50;
    private static final int[] PROMPT = {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3};

    /** Says its prompt's first eight tokens over and over. */
    private static final NextToken CIRCLE = prefix -> prefix[prefix.length - 8];

    private static ScriptedForwardPass model(NextToken next) {
        return new ScriptedForwardPass(ScriptedForwardPass.geometry(4, 64), VOCABULARY, next);
    }

    /** What rows cost is measured, so steps take a time that nothing else has a part in. */
    private static DeviceLane lane(ScriptedForwardPass model) {
        return new DeviceLane(() -> model.steps() * 2_000_000L);
    }

    private static Answer run(ScriptedForwardPass model, Speculation speculation,
            GenerationRequest request) throws Exception {
        EngineSettings settings = new EngineSettings(4, 64, 200, 10, 1000, true, speculation);
        try (BatchingEngine engine = BatchingEngine.start("guess", model,
                Vocabulary.idsOnly(VOCABULARY), settings, lane(model),
                new RecordingObserver())) {
            return Answer.of(engine.submit(request));
        }
    }

    @Test
    void aPredictableTextTakesFewSteps() throws Exception {
        ScriptedForwardPass plain = model(CIRCLE);
        Answer expected = run(plain, Speculation.OFF, Requests.of("a", PROMPT, 60));
        ScriptedForwardPass guessing = model(CIRCLE);
        Answer answer = run(guessing, new Speculation(7, 8, 0.05), Requests.of("a", PROMPT, 60));

        assertThat(answer.ids()).isEqualTo(expected.ids()).hasSize(60);
        assertThat(plain.steps()).isEqualTo(60);
        assertThat(guessing.steps()).isLessThan(15);
        TokenUsage usage = answer.finished().usage();
        assertThat(usage.acceptedDrafts()).isEqualTo(60 - guessing.steps());
        assertThat(usage.rejectedDrafts()).isZero();
    }

    @Test
    void noMoreTokensThanAskedForAndNoneAfterTheEnd() throws Exception {
        for (int limit = 1; limit < 20; limit++) {
            Answer answer = run(model(CIRCLE), new Speculation(7, 8, 0.05),
                    Requests.of("a", PROMPT, limit));
            assertThat(answer.ids()).hasSize(limit);
            assertThat(answer.finished().usage().completionTokens()).isEqualTo(limit);
        }
        GenerationRequest stopping = new GenerationRequest("s", PROMPT, 60,
                SamplingParameters.GREEDY, new int[]{8}, List.of(), false, -1, "", "",
                -1);
        Answer answer = run(model(CIRCLE), new Speculation(7, 8, 0.05), stopping);
        assertThat(answer.ids()).containsExactly(4, 5, 6, 7);
        TokenUsage usage = answer.finished().usage();
        assertThat(usage.completionTokens()).isEqualTo(5);
        assertThat(usage.acceptedDrafts()).isLessThan(5);
    }

    @Test
    void textThatCannotBeGuessedIsLeftAlone() throws Exception {
        NextToken any = NextToken.any(VOCABULARY);
        ScriptedForwardPass guessing = model(any);
        Answer answer = run(guessing, new Speculation(7, 8, 0.2), Requests.of("a", PROMPT, 150));
        assertThat(answer.ids()).isEqualTo(ScriptedForwardPass.alone(any, PROMPT, 150));
        assertThat(answer.finished().usage().rejectedDrafts()).isLessThan(40);
    }

    /** A guess that nobody said must not fail the request. */
    @Test
    void aPoisonedGuessIsTakenBack() throws Exception {
        NextToken stumbling = prefix -> prefix.length == 30 ? 9 : CIRCLE.after(prefix);
        int[] expected = ScriptedForwardPass.alone(stumbling, PROMPT, 40);
        // Poisoned is what computes the token that should have come at position 30.
        ScriptedForwardPass model = model(stumbling).poisonWhen(row -> {
            int at = 30 - row.computedTokens();
            return at > 0 && at < row.tokens().length && row.tokens()[at] != 9;
        });
        Answer answer = run(model, new Speculation(7, 8, 0.05), Requests.of("a", PROMPT, 40));
        assertThat(answer.ids()).isEqualTo(expected);
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.finished().usage().rejectedDrafts()).isPositive();
    }

    @Test
    void guessesLeaveRoomForOthers() throws Exception {
        EngineSettings settings = new EngineSettings(4, 64, 200, 10, 1000, false,
                new Speculation(7, 6, 0.05));
        int[] most = new int[1];
        ScriptedForwardPass model = model(CIRCLE).failWhen(batch -> {
            boolean decoding = batch.rows().stream()
                    .allMatch(row -> row.computedTokens() >= PROMPT.length);
            most[0] = Math.max(most[0], decoding ? batch.tokens() : 0);
            return false;
        });
        try (BatchingEngine engine = BatchingEngine.start("guess", model,
                Vocabulary.idsOnly(VOCABULARY), settings, lane(model),
                new RecordingObserver())) {
            Generation[] generations = new Generation[4];
            Arrays.setAll(generations, i -> engine.submit(Requests.of("r" + i, PROMPT, 60,
                    "everyone", "salt" + i)));
            for (Generation generation : generations) {
                assertThat(Answer.of(generation).ids()).hasSize(60);
            }
        }
        assertThat(most[0]).isBetween(5, 6);
    }
}

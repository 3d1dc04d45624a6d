package dev.millrace.engine;

import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.assertThat;

/** What a draft model is for, and that nothing it does can harm a request. */
@Timeout(120)
class DrafterTest {

    private static final int VOCABULARY = 50;
    private static final int[] PROMPT = IntStream.range(0, 30).map(i -> i * 7 % VOCABULARY)
            .toArray();
    private static final Speculation SPECULATION = new Speculation(5, 8, 0.05);
    /** Text that nothing before it tells. */
    private static final NextToken ANY = NextToken.any(VOCABULARY);

    private final RecordingObserver books = new RecordingObserver();
    private final AtomicLong nanos = new AtomicLong();
    private final ScriptedForwardPass target = model(ANY, 256)
            .failWhen(batch -> takes(1000 + 20 * batch.tokens()));

    private static ScriptedForwardPass model(NextToken next, int blocks) {
        return new ScriptedForwardPass(ScriptedForwardPass.geometry(4, blocks), VOCABULARY, next);
    }

    private boolean takes(int time) {
        nanos.addAndGet(time);
        return false;
    }

    /** A model of a tenth of the size. */
    private ScriptedForwardPass pass(NextToken next, int blocks) {
        return model(next, blocks).failWhen(batch -> takes(100 + 2 * batch.tokens()));
    }

    private BatchingEngine start(ScriptedForwardPass draft) {
        EngineSettings settings = new EngineSettings(4, 64, 400, 10, 4000, true, SPECULATION);
        return BatchingEngine.start("drafted", target, Vocabulary.idsOnly(VOCABULARY), settings,
                Optional.of(new DraftModel(draft, 64, 300)), new DeviceLane(nanos::get), books);
    }

    private Answer run(ScriptedForwardPass draft, GenerationRequest request) throws Exception {
        try (BatchingEngine engine = start(draft)) {
            return Answer.of(engine.submit(request));
        }
    }

    private int draftTokens() {
        return books.steps().stream().flatMap(step -> step.shares().stream())
                .mapToInt(StepRecord.StepShare::draftTokens).sum();
    }

    @Test
    void aDraftThatThinksAlikeSavesMostSteps() throws Exception {
        ScriptedForwardPass draft = pass(ANY, 256);
        Answer answer = run(draft, Requests.of("a", PROMPT, 120));

        assertThat(answer.ids()).isEqualTo(ScriptedForwardPass.alone(ANY, PROMPT, 120));
        assertThat(target.steps()).isLessThan(50);
        TokenUsage usage = answer.finished().usage();
        assertThat(usage.acceptedDrafts()).isEqualTo(120 - target.steps());
        assertThat(usage.rejectedDrafts()).isZero();
        // It reads the prompt, and then no token twice but where the answer caught up with it.
        assertThat(draftTokens()).isBetween(PROMPT.length + usage.acceptedDrafts(),
                PROMPT.length + 120 + target.steps());
        assertThat(books.stepNanos()).isEqualTo(books.steps().stream()
                .mapToLong(StepRecord::deviceNanos).sum());
    }

    /** However often it is right. */
    @Test
    void aDraftThatIsAsSlowIsLeftAlone() throws Exception {
        ScriptedForwardPass draft = model(ANY, 256).failWhen(batch -> takes(1000));
        Answer answer = run(draft, Requests.of("a", PROMPT, 250));

        assertThat(answer.ids()).isEqualTo(ScriptedForwardPass.alone(ANY, PROMPT, 250));
        assertThat(draft.steps()).isLessThan(30);
    }

    @Test
    void aDraftThatIsNeverRightIsLeftAlone() throws Exception {
        NextToken wrong = prefix -> (ANY.after(prefix) + 1) % VOCABULARY;
        ScriptedForwardPass draft = pass(wrong, 256);
        Answer answer = run(draft, Requests.of("a", PROMPT, 250));

        assertThat(answer.ids()).isEqualTo(ScriptedForwardPass.alone(ANY, PROMPT, 250));
        assertThat(answer.finished().usage().acceptedDrafts()).isLessThan(5);
        assertThat(draft.steps()).isLessThan(120);
    }

    /** Half of what it says is wrong, so its cache goes back again and again. */
    @Test
    void wrongGuessesAreForgotten() throws Exception {
        NextToken half = prefix -> (ANY.after(prefix) + (prefix.length % 4 == 0 ? 1 : 0))
                % VOCABULARY;
        Answer answer = run(pass(half, 256), Requests.of("a", PROMPT, 200));

        assertThat(answer.ids()).isEqualTo(ScriptedForwardPass.alone(ANY, PROMPT, 200));
        assertThat(answer.finished().usage().acceptedDrafts()).isGreaterThan(60);
        assertThat(answer.finished().usage().rejectedDrafts()).isGreaterThan(20);
    }

    /** The draft draws with the request's noise and penalties, so it draws the same. */
    @Test
    void aSampledTextIsDrawnAlike() throws Exception {
        target.draws(0.5f);
        GenerationRequest request = Requests.of("a", PROMPT, 100)
                .sampled(new SamplingParameters(1, 30, 0.95f, 0, 7, 1.1f, 0.2f, 0, Map.of()));
        Answer answer = run(pass(ANY, 256).draws(0.5f), request);

        try (BatchingEngine plain = BatchingEngine.start("plain", model(ANY, 256).draws(0.5f),
                Vocabulary.idsOnly(VOCABULARY), new EngineSettings(4, 64, 400, 10, 4000, true),
                new DeviceLane(), new RecordingObserver())) {
            assertThat(answer.ids()).isEqualTo(Answer.of(plain.submit(request)).ids());
        }
        assertThat(answer.finished().usage().acceptedDrafts()).isGreaterThan(50);
        assertThat(answer.finished().usage().rejectedDrafts()).isZero();
    }

    @Test
    void aDraftThatFailsOrTalksNonsenseFailsNobody() throws Exception {
        List<ScriptedForwardPass> drafts = List.of(pass(ANY, 256).failAtStep(4),
                pass(ANY, 256).poisonWhen(row -> row.computedTokens() > 50),
                pass(prefix -> VOCABULARY + 3, 256), pass(prefix -> -1, 256), pass(ANY, 3));
        int[] expected = ScriptedForwardPass.alone(ANY, PROMPT, 60);
        for (ScriptedForwardPass draft : drafts) {
            Answer answer = run(draft, Requests.of("a" + drafts.indexOf(draft), PROMPT, 60));
            assertThat(answer.ids()).isEqualTo(expected);
            assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    @Test
    void whatOneReadOthersFind() throws Exception {
        ScriptedForwardPass draft = pass(ANY, 256);
        try (BatchingEngine engine = start(draft)) {
            Answer.of(engine.submit(Requests.of("a", PROMPT, 20)));
            int first = draftTokens();
            Answer.of(engine.submit(Requests.of("b", PROMPT, 20)));
            assertThat(draftTokens() - first).isLessThan(first - PROMPT.length / 2);
        }
    }

    @Test
    void whereTheDraftsCacheIsShortTheFirstKeepsItsGuesses() throws Exception {
        try (BatchingEngine engine = start(pass(ANY, 40))) {
            List<Generation> generations = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                generations.add(engine.submit(Requests.of("r" + i, PROMPT, 90, "all",
                        "salt" + i)));
            }
            for (Generation generation : generations) {
                assertThat(Answer.of(generation).ids())
                        .isEqualTo(ScriptedForwardPass.alone(ANY, PROMPT, 90));
            }
        }
        assertThat(books.finished().stream().mapToInt(ended -> ended.usage().acceptedDrafts())
                .max().orElseThrow()).isGreaterThan(30);
    }

    /** The draft model cannot read beyond its own context, the large one can. */
    @Test
    void aLongTextOutgrowsTheDraft() throws Exception {
        Answer answer = run(pass(ANY, 256), Requests.of("a", PROMPT, 360));
        assertThat(answer.ids()).isEqualTo(ScriptedForwardPass.alone(ANY, PROMPT, 360));
        assertThat(answer.finished().usage().acceptedDrafts()).isBetween(100, 270);
    }
}

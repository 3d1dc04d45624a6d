package dev.millrace.engine;

import dev.millrace.engine.constrain.CompletionConstraint;
import dev.millrace.engine.constrain.CompletionMatcher;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import java.util.Arrays;
import java.util.Optional;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** A request that cannot even be prepared for a step, because its constraint is broken. */
@Timeout(60)
class PreparationFailureTest {

    private static final Logger LOG = Logger.getLogger(EngineLoop.class.getName());
    private static final int VOCABULARY = 64;
    private static final int[] PROMPT = {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3};
    private static final NextToken CIRCLE = prefix -> prefix[prefix.length - 8];

    /** Allows everything, and cannot be asked what it allows after a guess. */
    private static final class Unguessable implements CompletionConstraint, CompletionMatcher {

        @Override
        public int vocabularySize() {
            return VOCABULARY;
        }

        @Override
        public CompletionMatcher start() {
            return this;
        }

        @Override
        public CompletionMatcher fork() {
            throw new IllegalStateException("broken");
        }

        @Override
        public int maskWords() {
            return 1;
        }

        @Override
        public void accept(int token) {
            // Everything is allowed.
        }

        @Override
        public boolean isComplete() {
            return false;
        }

        @Override
        public void fillMask(long[] mask) {
            Arrays.fill(mask, -1L);
        }
    }

    @BeforeEach
    void beQuiet() {
        LOG.setLevel(Level.OFF);
    }

    @AfterEach
    void speakAgain() {
        LOG.setLevel(null);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void itFailsAloneAndTheEngineGoesOn(boolean drafted) throws Exception {
        RecordingObserver books = new RecordingObserver();
        EngineSettings settings = new EngineSettings(4, 64, 200, 10, 1000, true,
                new Speculation(3, 8, 0.05));
        Optional<DraftModel> draft = drafted
                ? Optional.of(new DraftModel(pass(), 64, 200))
                : Optional.empty();
        try (BatchingEngine engine = BatchingEngine.start("broken", pass(),
                Vocabulary.idsOnly(VOCABULARY), settings, draft, new DeviceLane(), books)) {
            Generation before = engine.submit(Requests.of("before", PROMPT, 60));
            Generation broken = engine.submit(
                    Requests.of("broken", PROMPT, 60).constrained(new Unguessable()));
            Generation beside = engine.submit(Requests.of("beside", PROMPT, 60));

            Answer failed = Answer.of(broken);
            assertThat(failed.finished().reason()).isEqualTo(FinishReason.FAILED);
            assertThat(failed.finished().error()).contains("internal error")
                    .doesNotContain("broken");
            int[] expected = ScriptedForwardPass.alone(CIRCLE, PROMPT, 60);
            assertThat(Answer.of(before).ids()).isEqualTo(expected);
            assertThat(Answer.of(beside).ids()).isEqualTo(expected);
            assertThat(Answer.of(engine.submit(Requests.of("after", PROMPT, 60))).ids())
                    .isEqualTo(expected);
        }
        assertThat(books.finished()).hasSize(4);
    }

    private static ScriptedForwardPass pass() {
        return new ScriptedForwardPass(ScriptedForwardPass.geometry(4, 64), VOCABULARY, CIRCLE);
    }
}

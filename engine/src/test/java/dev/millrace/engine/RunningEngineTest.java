package dev.millrace.engine;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;

/** Starts an engine on a scripted model for a test and closes it afterwards. */
@Timeout(300)
abstract class RunningEngineTest {

    static final EngineSettings SETTINGS = new EngineSettings(8, 64, 512, 16, 1000, true);
    static final Vocabulary VOCABULARY = Vocabulary.of(new FakeTokenizer(),
            FakeTokenizer.VOCABULARY_SIZE);

    final RecordingObserver books = new RecordingObserver();
    final DeviceLane lane = new DeviceLane();
    BatchingEngine engine;

    @AfterEach
    void close() {
        if (engine != null) {
            engine.close();
        }
    }

    BatchingEngine start(ScriptedForwardPass model, StepObserver observer) {
        engine = BatchingEngine.start("test", model, VOCABULARY, SETTINGS, lane, observer);
        return engine;
    }

    /** Starts an engine whose model says letters, deterministically. */
    BatchingEngine start() {
        return start(letters(), books);
    }

    static ScriptedForwardPass letters() {
        return new ScriptedForwardPass(NextToken.letters());
    }

    /** A model that gives the same answer to everything. */
    static ScriptedForwardPass saying(String text) {
        return new ScriptedForwardPass(NextToken.answer(text));
    }

    static void sleepMillis(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}

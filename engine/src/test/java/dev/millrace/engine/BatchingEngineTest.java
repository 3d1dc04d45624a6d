package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.forward.SequenceRow;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class BatchingEngineTest extends RunningEngineTest {

    @Test
    void answersUntilTheTokenLimit() throws Exception {
        Answer answer = Answer.of(start().submit(Requests.of("a", "Hello", 20)));

        assertThat(answer.ids()).isEqualTo(ScriptedForwardPass.alone(NextToken.letters(),
                new FakeTokenizer().encode("Hello", true), 20));
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.finished().usage()).isEqualTo(new TokenUsage(6, 0, 20));
    }

    @Test
    void countsTheEndTokenButDoesNotPublishIt() throws Exception {
        Answer answer = Answer.of(start(saying("Good day."), books)
                .submit(Requests.of("a", "Hello", 50)));

        assertThat(answer.text()).isEqualTo("Good day.");
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.STOP);
        assertThat(answer.finished().stopSequence()).isNull();
        assertThat(answer.finished().usage().completionTokens()).isEqualTo(10);
    }

    @Test
    void goesOnPastTheEndTokenWhenAskedTo() throws Exception {
        GenerationRequest request = new GenerationRequest("a", new int[]{70}, 5,
                SamplingParameters.GREEDY, new int[0], List.of(), true, -1, "", "",
                SequenceRow.NO_ADAPTER);

        Answer answer = Answer.of(start(saying("ab"), books).submit(request));

        assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.ids()).hasSize(5).contains(FakeTokenizer.END);
    }

    @Test
    void endsAtAStopTokenOfTheRequest() throws Exception {
        int comma = FakeTokenizer.FIRST_BYTE + ',';
        GenerationRequest request = new GenerationRequest("a", new int[]{70}, 50,
                SamplingParameters.GREEDY, new int[]{comma}, List.of(), true, -1, "", "",
                SequenceRow.NO_ADAPTER);

        Answer answer = Answer.of(start(saying("one, two"), books).submit(request));

        assertThat(answer.text()).isEqualTo("one");
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void endsAtAStopSequenceAndNamesIt() throws Exception {
        GenerationRequest request = Requests.stoppingAt(Requests.of("a", "Hello", 50), "!!", "tw");

        Answer answer = Answer.of(start(saying("one, two, three"), books).submit(request));

        assertThat(answer.text()).isEqualTo("one, ");
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.STOP);
        assertThat(answer.finished().stopSequence()).isEqualTo("tw");
        assertThat(answer.finished().usage().completionTokens()).isEqualTo(7);
    }

    @Test
    void publishesWhatAnUnfinishedStopSequenceHeldBack() throws Exception {
        GenerationRequest request = Requests.stoppingAt(Requests.of("a", "Hello", 50), "day.!");

        Answer answer = Answer.of(start(saying("Good day."), books).submit(request));

        assertThat(answer.text()).isEqualTo("Good day.");
    }

    @Test
    void endsWithTheContextWhateverTheTokenLimit() throws Exception {
        Answer answer = Answer.of(start().submit(Requests.of("a", new int[500], 10_000)));

        assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.finished().usage().totalTokens()).isEqualTo(512);
    }

    @Test
    void reportsLogProbabilitiesWhenAskedTo() throws Exception {
        GenerationRequest request = new GenerationRequest("a", new int[]{70}, 3,
                SamplingParameters.GREEDY, new int[0], List.of(), true, 2, "", "",
                SequenceRow.NO_ADAPTER);

        Token token = Answer.of(start().submit(request)).tokens().getFirst();

        assertThat(token.logprob()).isEqualTo(-0.5f);
        assertThat(token.top().tokens()).hasSize(2).startsWith(token.token());
    }

    @Test
    void leavesLogProbabilitiesOutOtherwise() throws Exception {
        Token token = Answer.of(start().submit(Requests.of("a", "x", 1))).tokens().getFirst();

        assertThat(token.logprob()).isNaN();
        assertThat(token.top()).isNull();
    }

    @Test
    void refusesWhatCanNeverRunAndSaysBothCounts() {
        start();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.submit(Requests.of("a", new int[512], 1)))
                .withMessageContainingAll("512 tokens", "context is 512");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.submit(Requests.of("a", new int[]{258}, 1)))
                .withMessageContainingAll("0 to 257", "258");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.submit(Requests.of("a", new int[]{-1}, 1)))
                .withMessageContaining("-1");
        assertThatIllegalArgumentException().isThrownBy(
                () -> engine.submit(Requests.stoppingAt(Requests.of("a", "x", 1), "")))
                .withMessageContaining("stop sequence");
        assertThat(books.finished()).isEmpty();
    }

    @Test
    void refusesAPromptThatTheCacheCannotHold() {
        start(new ScriptedForwardPass(ScriptedForwardPass.geometry(16, 4),
                FakeTokenizer.VOCABULARY_SIZE, NextToken.letters()), books);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.submit(Requests.of("a", new int[65], 1)))
                .withMessageContainingAll("65 tokens", "holds 64");
    }

    @Test
    void doesNotWaitForASlowReader() throws Exception {
        start();
        Generation ignored = engine.submit(Requests.of("ignored", "Hello", 400));
        Answer other = Answer.of(engine.submit(Requests.of("read", "Hello", 400)));

        assertThat(other.tokens()).hasSize(400);
        assertThat(Answer.of(ignored).tokens()).hasSize(400);
    }

    @Test
    void saysNothingInTimeAsNull() throws Exception {
        start(letters().takes(200_000_000, 0), books);
        Generation generation = engine.submit(Requests.of("a", "Hello", 1));

        assertThat(generation.next(Duration.ofMillis(5))).isNull();
        Answer.of(generation);
        assertThatIllegalStateException().isThrownBy(() -> generation.next(Duration.ZERO));
    }
}

package dev.millrace.server.openai.completion;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.server.dialogue.TurnEvent;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.ClientConnection;
import dev.millrace.server.openai.wire.ClientWatch;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.tenants.Quota;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Runs a job and writes its answer, whole or as a stream; a vanished client ends it. */
public final class CompletionService {

    private static final Logger LOG = LoggerFactory.getLogger(CompletionService.class);
    private static final Duration SHUTDOWN_RETRY = Duration.ofSeconds(5);

    private final Accounts accounts;
    private final RequestMetrics metrics;
    private final HttpLimits limits;

    public CompletionService(Accounts accounts, RequestMetrics metrics, HttpLimits limits) {
        this.accounts = accounts;
        this.metrics = metrics;
        this.limits = limits;
    }

    /**
     * Answers.
     *
     * @throws ApiException if the job fails before anything was written
     * @throws IOException  if the client vanished; its generations are cancelled
     */
    public void answer(CompletionJob job, HttpServletResponse response, ClientConnection connection)
            throws IOException, InterruptedException {
        Quota quota = job.identity().quota();
        if (job.options().stream()) {
            stream(job, new EventStream(response, limits.keepAlive(), quota), connection);
            return;
        }
        Exchange.json(response, new Caller(job.identity(), connection), whole(job, connection));
    }

    /**
     * Runs a job to a whole answer.
     *
     * @throws ApiException if the job fails
     * @throws IOException  if the client vanished; its generations are cancelled
     */
    public ObjectNode whole(CompletionJob job, ClientConnection connection)
            throws IOException, InterruptedException {
        ClientWatch client = new ClientWatch(connection, limits.watch());
        try (MeteredChoices choices = MeteredChoices.start(job, accounts, metrics)) {
            return whole(job, choices, client);
        }
    }

    /**
     * Runs a job and sends its answer chunk by chunk.
     *
     * @throws ApiException if the job fails before the sink has started
     * @throws IOException  if the client vanished; its generations are cancelled
     */
    public void stream(CompletionJob job, ChunkSink sink, ClientConnection connection)
            throws IOException, InterruptedException {
        ClientWatch client = new ClientWatch(connection, limits.watch());
        try (MeteredChoices choices = MeteredChoices.start(job, accounts, metrics)) {
            stream(job, choices, sink, client);
        }
    }

    private ObjectNode whole(CompletionJob job, MeteredChoices choices, ClientWatch client)
            throws IOException, InterruptedException {
        List<ChoiceText> texts = texts(job);
        Finished[] ends = new Finished[job.generationCount()];
        while (!choices.allFinished()) {
            ChoiceEvent event = choices.next(limits.watch());
            client.check();
            if (event == null) {
                continue;
            }
            ChoiceText text = texts.get(event.choice());
            switch (event.event()) {
                case Token token -> text.append(token);
                case Finished end -> {
                    requireGoodEnd(end, choices.ranOutOfBudget(event.choice()));
                    text.finish();
                    ends[event.choice()] = end;
                }
            }
        }
        requireAnything(Arrays.stream(ends).allMatch(CompletionService::saidNothing));
        ArrayNode array = Json.array();
        ObjectNode answer = Answer.whole(job, array, usage(choices, texts));
        for (int shown : job.shown(choices::logProbability)) {
            ChoiceText text = texts.get(shown);
            PromptReport report = report(job, choices, job.firstOfSamePrompt(shown));
            if (report != null && job.options().answer().echo()
                    && job.options().topLogprobs() >= 0) {
                text.prepend(report.tokens());
            }
            ObjectNode choice = job.format().whole(array.size(), text.turn(),
                    text.takeLogprobs(), Answer.finishReason(ends[shown].reason(), text.turn()));
            array.add(choice);
            if (job.options().answer().promptLogprobs()) {
                job.format().addPrompt(answer, choice, report.byPosition());
            }
        }
        return answer;
    }

    private static ObjectNode usage(MeteredChoices choices, List<ChoiceText> texts)
            throws InterruptedException {
        return choices.usage(texts.stream().mapToInt(ChoiceText::reasoningTokens).sum());
    }

    /** What the model made of a prompt, or null where nobody asked. */
    private static PromptReport report(CompletionJob job, MeteredChoices choices, int index) {
        return job.options().answer().reply().wantsPrompt()
                ? new PromptReport(job.promptOf(index), choices.promptLogprobs(index),
                        new TokenText(job.model().tokenizer(),
                                job.options().answer().tokensAsIds()))
                : null;
    }

    private void stream(CompletionJob job, MeteredChoices choices, ChunkSink events,
            ClientWatch client) throws IOException, InterruptedException {
        try {
            writeEvents(job, choices, events, client);
        } catch (ApiException e) {
            if (!events.started()) {
                throw e;
            }
            events.fail(e);
        } catch (RuntimeException e) {
            if (!events.started()) {
                throw e;
            }
            LOG.error("{} failed within its stream", job.id(), e);
            events.fail(ApiException.failed("the server failed; see its log for " + job.id()));
        }
    }

    private void writeEvents(CompletionJob job, MeteredChoices choices, ChunkSink events,
            ClientWatch client) throws IOException, InterruptedException {
        List<ChoiceText> texts = texts(job);
        boolean[] opened = new boolean[job.generationCount()];
        List<ChoiceEvent> silent = new ArrayList<>();
        events.accepted(job.id());
        events.begin(job.prompts().stream().mapToInt(prompt -> prompt.length).sum());
        while (!choices.allFinished()) {
            ChoiceEvent event = choices.next(limits.watch());
            client.check();
            if (event == null) {
                events.keepAlive();
                continue;
            }
            if (event.event() instanceof Finished end) {
                requireGoodEnd(end, choices.ranOutOfBudget(event.choice()));
                if (saidNothing(end)) {
                    silent.add(event); // if all others are, this is no answer
                    continue;
                }
            }
            write(job, event, texts, opened, events);
        }
        requireAnything(silent.size() == job.generationCount());
        for (ChoiceEvent event : silent) {
            write(job, event, texts, opened, events);
        }
        // The receipt is awaited even where nobody asked: a stream that ends has been paid.
        JsonNode usage = usage(choices, texts);
        if (job.options().includeUsage()) {
            events.send(Answer.usageChunk(job, usage));
        }
        events.done();
    }

    private static void write(CompletionJob job, ChoiceEvent event, List<ChoiceText> texts,
            boolean[] opened, ChunkSink events) throws IOException {
        ResponseFormat format = job.format();
        int index = event.choice();
        if (!opened[index] && format.opening(index) != null) {
            events.send(Answer.chunk(job, format.opening(index)));
        }
        ChoiceText text = texts.get(index);
        if (!opened[index] && !text.echo().isEmpty()) {
            events.send(Answer.chunk(job, format.delta(index,
                    new TurnEvent.Content(text.echo()), text.turn(), null)));
        }
        opened[index] = true;
        switch (event.event()) {
            case Token token -> send(job, index, text.append(token), text, events);
            case Finished end -> {
                send(job, index, text.finish(), text, events);
                if (end.stopSequence() != null) {
                    events.stopped(end.stopSequence());
                }
                events.send(Answer.chunk(job, format.closing(index, text.takeLogprobs(),
                        Answer.finishReason(end.reason(), text.turn()))));
            }
        }
    }

    /** Log probabilities go with the next piece that there is; those of half a character wait. */
    private static void send(CompletionJob job, int index, List<TurnEvent> pieces, ChoiceText text,
            ChunkSink events) throws IOException {
        for (TurnEvent piece : pieces) {
            if (!(piece instanceof TurnEvent.CallEnded)) {
                events.send(Answer.chunk(job, job.format().delta(index, piece, text.turn(),
                        text.takeLogprobs())));
            }
        }
    }

    private static List<ChoiceText> texts(CompletionJob job) {
        List<ChoiceText> texts = new ArrayList<>();
        for (int i = 0; i < job.generationCount(); i++) {
            texts.add(new ChoiceText(job, i));
        }
        return texts;
    }

    private static void requireGoodEnd(Finished end, boolean ranOutOfBudget) {
        switch (end.reason()) {
            case STOP, DEADLINE -> {
            }
            case LENGTH -> {
                if (ranOutOfBudget && end.usage().completionTokens() == 0) {
                    throw ApiException.ranOutOfBudget();
                }
            }
            case FAILED -> throw ApiException.failed("the generation failed: " + end.error());
            case CANCELLED -> throw ApiException.overloaded(
                    "the generation was cancelled because the server is stopping",
                    SHUTDOWN_RETRY);
        }
    }

    /** Whether a generation's time was over before its first token. */
    private static boolean saidNothing(Finished end) {
        return end.reason() == FinishReason.DEADLINE && end.usage().completionTokens() == 0;
    }

    private static void requireAnything(boolean allSilent) {
        if (allSilent) {
            throw ApiException.refused(408, "timeout", "timeout", "the request's time was over"
                    + " before its first token; ask for more, or later");
        }
    }
}

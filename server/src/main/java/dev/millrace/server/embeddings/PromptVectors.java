package dev.millrace.server.embeddings;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.ReplyOptions;
import dev.millrace.engine.SamplingParameters;
import dev.millrace.engine.ServiceTerms;
import dev.millrace.engine.ServiceTier;
import dev.millrace.engine.UnloadedAdapterException;
import dev.millrace.engine.forward.UnitLength;
import dev.millrace.server.embeddings.Embeddings.Asked;
import dev.millrace.server.embeddings.Embeddings.Embedded;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.Receipt;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.metering.budget.Hold;
import dev.millrace.server.openai.completion.Accounts;
import dev.millrace.server.openai.completion.SetAside;
import dev.millrace.server.openai.completion.Usage;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.ClientWatch;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import tools.jackson.databind.node.ObjectNode;

/**
 * Vectors by a model that generates: every text is a prompt in its engine, with an account of its
 * own, which ends with the state after the last token.
 */
final class PromptVectors implements AutoCloseable {

    /** Of one request's texts, so that a long list leaves the others room in the queue. */
    private static final int AT_ONCE = 8;
    /** A cancelled text ends within a step; the slowest step is far shorter than this. */
    private static final Duration CANCEL_WAIT = Duration.ofSeconds(30);

    private final ServedModel model;
    private final VectorModel vectorModel;
    private final Asked asked;
    private final Accounts accounts;
    private final EmbeddingMetrics metrics;
    private final HttpLimits limits;
    private final ServiceTerms terms;
    private final SetAside setAside;
    private final ClientWatch client;
    private final Queue<Running> running = new ArrayDeque<>();
    private final List<CompletableFuture<Receipt>> receipts = new ArrayList<>();
    private final float[][] vectors; // (texts, dimensions)
    private int promptTokens; // of texts that have ended
    private int cachedTokens;

    /** A text in the engine. */
    private record Running(int text, Generation generation) {}

    /** @throws ApiException 429 if the caller's tokens are used up, 402 if a budget is */
    PromptVectors(GeneratingModel generating, Asked asked, Accounts accounts,
            EmbeddingMetrics metrics, HttpLimits limits) {
        this.model = generating.model();
        this.vectorModel = generating;
        this.asked = asked;
        this.accounts = accounts;
        this.metrics = metrics;
        this.limits = limits;
        this.client = new ClientWatch(asked.caller().connection(), limits.watch());
        this.vectors = new float[asked.texts().size()][];
        // Rows of batches take what live requests leave.
        this.terms = asked.endpoint().equals(MeteredRequest.BATCHES)
                ? new ServiceTerms(ServiceTier.FLEX, 0, Duration.ZERO)
                : ServiceTerms.STANDARD;
        this.setAside = accounts.setAside(asked.caller().identity(), model,
                MeteredRequest.priceOf(asked.endpoint(), tier()), asked.tokens(),
                IntStream.range(0, vectors.length).mapToObj(text -> new BudgetGate.Demand(
                        id(text), asked.texts().get(text).length(), 0)).toList());
    }

    private String tier() {
        return terms.tier().name().toLowerCase(Locale.ROOT);
    }

    private String id(int text) {
        return text == 0 ? asked.id() : asked.id() + "-" + text;
    }

    /**
     * Embeds all texts.
     *
     * @throws ApiException if one cannot be embedded
     * @throws IOException  if the client vanished
     */
    Embedded embed() throws IOException, InterruptedException {
        long startNanos = System.nanoTime();
        for (int text = 0; text < vectors.length; text++) {
            while (running.size() >= AT_ONCE) {
                take();
            }
            start(text);
        }
        while (!running.isEmpty()) {
            take();
        }
        ObjectNode usage = Json.object().put("prompt_tokens", promptTokens)
                .put("total_tokens", promptTokens);
        usage.putObject("prompt_tokens_details").put("cached_tokens", cachedTokens);
        Usage.addCost(usage, accounts.await(receipts, asked.id()));
        return new Embedded(asked.id(), vectors, promptTokens, System.nanoTime() - startNanos,
                usage);
    }

    private void start(int text) throws IOException, InterruptedException {
        Hold hold = setAside.holds().get(text);
        GenerationRequest request = new GenerationRequest(id(text),
                asked.texts().get(text).tokens(), 1, SamplingParameters.GREEDY, new int[0],
                List.of(), true, -1, asked.caller().identity().tenant(),
                asked.caller().identity().cacheSalt(""), model.adapterSlot())
                .shown(ReplyOptions.PROMPT_STATE).served(terms);
        CompletableFuture<Receipt> receipt = accounts.open(request.id(), model,
                asked.caller().identity(), asked.endpoint(), asked.labels(), tier(), hold);
        boolean submitted = false;
        try {
            Generation generation = submit(request);
            running.add(new Running(text, generation));
            submitted = true;
            hold.endsBy(generation::curtail);
        } finally {
            if (!submitted) {
                accounts.refuse(request.id());
            }
        }
        receipts.add(receipt);
        receipt.thenAccept(paid -> metrics.paid(vectorModel, paid));
    }

    /** Submits a text, once others of the same request have left the queue if it is full. */
    private Generation submit(GenerationRequest request) throws IOException, InterruptedException {
        while (true) {
            try {
                return model.engine().submit(request);
            } catch (OverloadException e) {
                if (running.isEmpty()) {
                    throw ApiException.overloaded(e.getMessage(), e.retryAfter());
                }
                take();
            } catch (UnloadedAdapterException e) {
                throw ApiException.refused(404, "model", "model_not_found", "the adapter of \""
                        + model.id() + "\" has just been unloaded; GET /v1/models lists what is"
                        + " served");
            } catch (IllegalArgumentException e) {
                throw ApiException.refused(400, asked.param(), "context_length_exceeded",
                        e.getMessage());
            }
        }
    }

    /** Waits for the vector of the text that was submitted first. */
    private void take() throws IOException, InterruptedException {
        Running first = running.element();
        Finished end = null;
        while (end == null) {
            client.check();
            end = (Finished) first.generation().next(limits.watch());
        }
        running.remove();
        note(first, end);
        requireGoodEnd(first, end);
        vectors[first.text()] = UnitLength.scale(first.generation().promptState());
    }

    private void note(Running ended, Finished end) {
        int prompt = end.usage().promptTokens();
        promptTokens += prompt;
        cachedTokens += end.usage().cachedTokens();
        asked.caller().identity().notes().finished(prompt, end.usage().cachedTokens(), 0,
                end.timings().queueNanos(), 0, end.reason().name().toLowerCase(Locale.ROOT));
        metrics.finished(vectorModel, new FinishedRequest(ended.generation().id(), end.reason(),
                end.usage(), end.timings()));
    }

    private void requireGoodEnd(Running ended, Finished end) {
        if (end.reason() == FinishReason.FAILED) {
            throw ApiException.failed("the model could not embed this: " + end.error());
        }
        if (end.reason() == FinishReason.STOP) {
            return;
        }
        throw setAside.holds().get(ended.text()).isExhausted()
                ? ApiException.ranOutOfBudget()
                : Embeddings.stopping();
    }

    /** Cancels what still runs; afterwards every text has ended and is in the metrics. */
    @Override
    public void close() {
        running.forEach(left -> left.generation().cancel());
        long deadline = System.nanoTime() + CANCEL_WAIT.toNanos();
        try {
            while (!running.isEmpty() && System.nanoTime() < deadline) {
                if (running.element().generation().next(limits.watch()) instanceof Finished end) {
                    note(running.remove(), end);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        setAside.settle(promptTokens);
    }
}

package dev.millrace.server.embeddings;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.embedding.EmbeddingEngine.Submitted;
import dev.millrace.engine.embedding.EmbeddingRequest;
import dev.millrace.engine.embedding.EmbeddingResult;
import dev.millrace.engine.forward.UnitLength;
import dev.millrace.models.text.EncoderInput;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.Receipt;
import dev.millrace.server.metering.RequestLabels;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.openai.completion.Accounts;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.SetAside;
import dev.millrace.server.openai.completion.Usage;
import dev.millrace.server.openai.model.ListedModel;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.ClientWatch;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import tools.jackson.databind.node.ObjectNode;

/** Embeds texts for every dialect, metered alike. Safe to share between threads. */
public final class Embeddings {

    private static final Duration SHUTDOWN_RETRY = Duration.ofSeconds(5);

    private final ModelDirectory models;
    private final Accounts accounts;
    private final EmbeddingMetrics metrics;
    private final HttpLimits limits;

    /** @param models among others the ones that embed */
    public Embeddings(ModelDirectory models, List<EmbeddingModel> embedding, Accounts accounts,
            MeterRegistry registry, HttpLimits limits) {
        this.models = models;
        this.accounts = accounts;
        this.metrics = new EmbeddingMetrics(registry, embedding);
        this.limits = limits;
    }

    /**
     * What was asked for, and what it took.
     *
     * @param id      as the ledger has it
     * @param vectors (texts, dimensions) of length one, or (pairs, 1) with scores
     * @param nanos   from submission to the end
     * @param usage   {@code prompt_tokens}, {@code total_tokens} and the cost
     */
    public record Embedded(String id, float[][] vectors, int tokens, long nanos,
            ObjectNode usage) {}

    /** A request: texts as token ids, what they came as, and for whom. */
    record Asked(String id, List<EncoderInput> texts, String param, String endpoint,
            RequestLabels labels, Caller caller) {

        long tokens() {
            return texts.stream().mapToLong(EncoderInput::length).sum();
        }
    }

    /** The model. @throws ApiException 404 if the caller has none of this name, 400 for others */
    public VectorModel require(String id, Caller caller) {
        return allowed(models.require(id, ListedModel.class,
                model -> !(model instanceof EmbeddingModel encoder && encoder.scores()),
                "makes no vectors"), caller);
    }

    /** The same, or a model that scores pairs. */
    VectorModel requireAny(String id, Caller caller) {
        return allowed(models.requireAny(id), caller);
    }

    private static VectorModel allowed(ListedModel model, Caller caller) {
        ModelDirectory.requireAllowed(model, caller.identity());
        if (model instanceof EmbeddingModel encoder) {
            return encoder;
        }
        ServedModel served = (ServedModel) model;
        served.noVectors().ifPresent(why -> {
            throw ApiException.refused(400, "model", "unsupported_pooling", "the model \""
                    + served.id() + "\" makes no vectors here: " + why + ", but of a model that"
                    + " generates only the last token's state is taken");
        });
        return new GeneratingModel(served);
    }

    /**
     * Embeds texts, or scores pairs.
     *
     * @param texts    token ids
     * @param param    the request's field that they are from
     * @param idPrefix what the id begins with
     * @param labels   what the client says about it
     * @throws ApiException if it cannot be done, now or ever
     * @throws IOException  if the client vanished; the request is cancelled
     */
    public Embedded embed(VectorModel model, List<EncoderInput> texts, String param,
            String endpoint,
            String idPrefix, RequestLabels labels, Caller caller)
            throws IOException, InterruptedException {
        Asked asked = new Asked(caller.ids().next(idPrefix), texts, param, endpoint, labels,
                caller);
        return switch (model) {
            case EmbeddingModel encoder -> encode(encoder, asked);
            case GeneratingModel generating -> {
                try (PromptVectors run = new PromptVectors(generating, asked, accounts, metrics,
                        limits)) {
                    yield run.embed();
                }
            }
        };
    }

    private Embedded encode(EmbeddingModel model, Asked asked)
            throws IOException, InterruptedException {
        String id = asked.id();
        Caller caller = asked.caller();
        EmbeddingRequest request = new EmbeddingRequest(id, asked.texts());
        SetAside setAside = accounts.setAside(caller.identity(), model,
                MeteredRequest.priceOf(asked.endpoint(), MeteredRequest.DEFAULT_TIER),
                request.tokens(), List.of(new BudgetGate.Demand(id, request.tokens(), 0)));
        CompletableFuture<Receipt> receipt;
        EmbeddingResult result;
        long usedTokens = 0;
        try {
            receipt = accounts.open(id, model, caller.identity(), asked.endpoint(),
                    asked.labels(),
                    MeteredRequest.DEFAULT_TIER, setAside.holds().getFirst());
            Submitted submitted = submit(model, request, asked.param());
            setAside.holds().getFirst().endsBy(submitted.cancel());
            result = await(submitted,
                    new ClientWatch(caller.connection(), limits.watch()));
            usedTokens = result.finished().usage().promptTokens();
            caller.identity().notes().finished(usedTokens, 0, 0, 0, 0,
                    result.finished().reason().name().toLowerCase(Locale.ROOT));
        } finally {
            setAside.settle(usedTokens);
        }
        metrics.finished(model, result.finished());
        receipt.thenAccept(paid -> metrics.paid(model, paid));
        if (setAside.exhausted() && result.finished().reason() == FinishReason.CANCELLED) {
            throw ApiException.ranOutOfBudget();
        }
        requireGoodEnd(result.finished().reason());
        int tokens = result.finished().usage().promptTokens();
        ObjectNode usage = Json.object().put("prompt_tokens", tokens).put("total_tokens", tokens);
        Usage.addCost(usage, accounts.await(List.of(receipt), id));
        for (float[] vector : model.scores() ? new float[0][] : result.vectors()) {
            UnitLength.scale(vector);
        }
        return new Embedded(id, result.vectors(), tokens,
                result.finished().timings().totalNanos(), usage);
    }

    private Submitted submit(EmbeddingModel model, EmbeddingRequest request, String param) {
        boolean taken = false;
        try {
            Submitted submitted = model.engine().submit(request);
            taken = true;
            return submitted;
        } catch (OverloadException e) {
            throw ApiException.overloaded(e.getMessage(), e.retryAfter());
        } catch (IllegalArgumentException e) {
            throw ApiException.refused(400, param, "context_length_exceeded", e.getMessage());
        } finally {
            if (!taken) {
                accounts.refuse(request.id());
            }
        }
    }

    private EmbeddingResult await(Submitted submitted, ClientWatch client)
            throws IOException, InterruptedException {
        boolean finished = false;
        try {
            while (true) {
                try {
                    EmbeddingResult result = submitted.result().get(limits.watch().toNanos(),
                            TimeUnit.NANOSECONDS);
                    finished = true;
                    return result;
                } catch (TimeoutException e) {
                    client.check();
                } catch (ExecutionException e) {
                    throw new IllegalStateException("an embedding ended without a result", e);
                }
            }
        } finally {
            if (!finished) {
                submitted.cancel().run();
            }
        }
    }

    private static void requireGoodEnd(FinishReason reason) {
        switch (reason) {
            case STOP -> {
            }
            case CANCELLED -> throw stopping();
            default -> throw ApiException.failed("the model could not embed this; the server's"
                    + " log says why");
        }
    }

    static ApiException stopping() {
        return ApiException.overloaded(
                "the request was cancelled because the server is stopping", SHUTDOWN_RETRY);
    }
}

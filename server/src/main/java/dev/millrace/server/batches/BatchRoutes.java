package dev.millrace.server.batches;

import dev.millrace.server.files.Page;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.completion.Usage;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.store.BatchCounts;
import dev.millrace.server.store.BatchStatus;
import dev.millrace.server.store.BatchStore;
import dev.millrace.server.store.StoredBatch;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** OpenAI's {@code /v1/batches}. */
public final class BatchRoutes {

    private static final int USUALLY_LISTED = 20;
    private static final int MOST_LISTED = 100;
    private static final int MOST_UNENDED = 100;
    private static final long MILLIS = 1_000;
    private static final JsonMapper STORED = new JsonMapper();

    private final BatchStore store;
    private final BatchRunner runner;
    private final BatchEndpoints endpoints;
    private final Exchange exchange;

    public BatchRoutes(BatchStore store, BatchRunner runner, BatchEndpoints endpoints,
            Exchange exchange) {
        this.store = store;
        this.runner = runner;
        this.endpoints = endpoints;
        this.exchange = exchange;
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.post(MeteredRequest.BATCHES, context -> exchange.json(context,
                (body, caller) -> create(body, caller.identity())), RouteAccess.TENANTS);
        routes.get(MeteredRequest.BATCHES, this::list, RouteAccess.TENANTS);
        routes.get(MeteredRequest.BATCHES + "/{id}", context -> Exchange.json(context,
                describe(require(tenant(context), context.pathParam("id"), "id"))),
                RouteAccess.TENANTS);
        routes.post(MeteredRequest.BATCHES + "/{id}/cancel", this::cancel, RouteAccess.TENANTS);
    }

    private static String tenant(Context context) {
        return Identity.of(context.req()).tenant();
    }

    private ObjectNode create(Fields body, Identity identity) throws InterruptedException {
        StoredBatch batch = BatchRequest.read(body, identity, endpoints.paths(), store);
        if (store.files().usedBytes(identity.tenant()) >= store.files().limits().tenantBytes()) {
            throw ApiException.refused(400, null, "storage_limit_exceeded", "your files take all"
                    + " that a tenant's may, so that there is no room for results; delete some");
        }
        if (!store.add(batch, MOST_UNENDED)) {
            throw ApiException.refused(400, null, "too_many_batches", "at most " + MOST_UNENDED
                    + " batches of a tenant may run or wait; cancel one, or wait for its end");
        }
        runner.launch(batch);
        return describe(batch);
    }

    private StoredBatch require(String tenant, String id, String param)
            throws InterruptedException {
        return store.find(tenant, id).orElseThrow(() -> notFound(id, param));
    }

    private static ApiException notFound(String id, String param) {
        return ApiException.refused(404, param, "batch_not_found", "there is no batch \""
                + Fields.shown(id) + "\"; GET /v1/batches lists those that are");
    }

    private void list(Context context) throws InterruptedException {
        Page page = Page.of(context, USUALLY_LISTED, MOST_LISTED);
        StoredBatch after = page.after() == null
                ? null
                : require(tenant(context), page.after(), "after");
        List<StoredBatch> found = store.list(tenant(context), after, page.limit() + 1);
        Exchange.json(context, page.answer(found.stream().map(this::describe).toList()));
    }

    private void cancel(Context context) throws InterruptedException {
        String id = context.pathParam("id");
        StoredBatch batch = runner.cancel(tenant(context), id)
                .orElseThrow(() -> notFound(id, "id"));
        boolean cancels = batch.status() == BatchStatus.CANCELLING
                || batch.status() == BatchStatus.CANCELLED;
        if (!cancels) {
            throw ApiException.refused(409, "id", "batch_not_cancellable",
                    "a batch that is " + batch.status().word() + " cannot be cancelled");
        }
        Exchange.json(context, describe(batch));
    }

    /** What is not yet, or never, is left out. */
    private ObjectNode describe(StoredBatch batch) {
        BatchCounts counts = runner.counts(batch);
        ObjectNode node = Json.object().put("id", batch.id()).put("object", "batch")
                .put("endpoint", batch.endpoint());
        putText(node, "model", batch.model());
        if (batch.errors() != null) {
            node.putObject("errors").put("object", "list").set("data",
                    STORED.readTree(batch.errors()));
        }
        node.put("input_file_id", batch.inputFileId()).put("completion_window", "24h")
                .put("status", batch.status().word());
        if (batch.status().isEnd()) {
            putText(node, "output_file_id", batch.outputFileId());
            putText(node, "error_file_id", batch.errorFileId());
        }
        node.put("created_at", batch.createdMillis() / MILLIS)
                .put("expires_at", batch.expiresMillis() / MILLIS);
        for (Map.Entry<BatchStatus, Long> time : batch.times().entrySet()) {
            if (time.getKey() != BatchStatus.VALIDATING) {
                node.put(time.getKey().word() + "_at", time.getValue() / MILLIS);
            }
        }
        node.putObject("request_counts").put("total", batch.total())
                .put("completed", counts.completed()).put("failed", counts.failed());
        node.set("usage", usage(counts));
        return batch.metadata() == null
                ? node.putNull("metadata")
                : node.set("metadata", STORED.readTree(batch.metadata()));
    }

    private static void putText(ObjectNode node, String name, String text) {
        if (text != null) {
            node.put(name, text);
        }
    }

    private ObjectNode usage(BatchCounts counts) {
        ObjectNode usage = Json.object().put("input_tokens", counts.inputTokens());
        usage.putObject("input_tokens_details").put("cached_tokens", counts.cachedTokens());
        usage.put("output_tokens", counts.outputTokens());
        usage.putObject("output_tokens_details").put("reasoning_tokens",
                counts.reasoningTokens());
        usage.put("total_tokens", counts.inputTokens() + counts.outputTokens())
                .put("cost", Usage.dollars(counts.costNanoUsd())).putObject("cost_details")
                .put("nano_usd", counts.costNanoUsd())
                .put("batch_price_nano_usd", counts.priceNanoUsd())
                .put("batch_price", runner.price().factor());
        return usage;
    }
}

package dev.millrace.server.files;

import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.store.BatchStore;
import dev.millrace.server.store.FileStore;
import dev.millrace.server.store.StoredFile;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** OpenAI's {@code /v1/files}. */
public final class FileRoutes {

    private static final int MOST_LISTED = 10_000;
    private static final long MILLIS = 1_000;

    private final FileStore files;
    private final BatchStore batches;
    private final Exchange exchange;
    private final FileUpload upload;

    public FileRoutes(BatchStore batches, Exchange exchange) {
        this.batches = batches;
        this.files = batches.files();
        this.exchange = exchange;
        this.upload = new FileUpload(files, exchange.limits().bodyTime());
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.post("/v1/files", context -> exchange.take(() -> Exchange.json(context,
                describe(upload.receive(context.req(), tenant(context))))), RouteAccess.TENANTS);
        routes.get("/v1/files", this::list, RouteAccess.TENANTS);
        routes.get("/v1/files/{id}",
                context -> Exchange.json(context, describe(require(context))),
                RouteAccess.TENANTS);
        routes.get("/v1/files/{id}/content", context -> exchange.take(() -> content(context)),
                RouteAccess.TENANTS);
        routes.delete("/v1/files/{id}", this::remove, RouteAccess.TENANTS);
    }

    private static String tenant(Context context) {
        return Identity.of(context.req()).tenant();
    }

    private StoredFile require(Context context) throws InterruptedException {
        return require(tenant(context), context.pathParam("id"), "id");
    }

    private StoredFile require(String tenant, String id, String param)
            throws InterruptedException {
        return files.find(tenant, id).orElseThrow(() -> notFound(id, param));
    }

    /** @param param the request's field that names it */
    public static ApiException notFound(String id, String param) {
        return ApiException.refused(404, param, "file_not_found", "there is no file \""
                + Fields.shown(id) + "\"; GET /v1/files lists those that are");
    }

    private void list(Context context) throws InterruptedException {
        Page page = Page.of(context, MOST_LISTED, MOST_LISTED);
        String order = context.queryParam("order");
        if (order != null && !order.equals("asc") && !order.equals("desc")) {
            throw ApiException.invalid("order", "order must be asc or desc, got \""
                    + Fields.shown(order) + "\"");
        }
        StoredFile after = page.after() == null
                ? null
                : require(tenant(context), page.after(), "after");
        List<StoredFile> found = files.list(tenant(context), context.queryParam("purpose"), after,
                page.limit() + 1, "asc".equals(order));
        Exchange.json(context, page.answer(found.stream().map(FileRoutes::describe).toList()));
    }

    private void content(Context context) throws IOException, InterruptedException {
        StoredFile file = require(context);
        try (InputStream bytes = files.read(file)) {
            context.res().setContentType("application/octet-stream");
            context.res().setContentLengthLong(file.bytes());
            context.header("X-Content-Type-Options", "nosniff");
            context.header("Content-Disposition", "attachment");
            bytes.transferTo(context.res().getOutputStream());
        }
    }

    private void remove(Context context) throws IOException, InterruptedException {
        StoredFile file = require(context);
        if (batches.reads(file.tenant(), file.id())) {
            throw ApiException.refused(409, "id", "file_in_use", "a batch that has not ended reads "
                    + file.id() + "; cancel the batch first, or wait for its end");
        }
        if (!files.remove(file.tenant(), file.id())) {
            throw notFound(file.id(), "id");
        }
        Exchange.json(context, Json.object().put("id", file.id()).put("object", "file")
                .put("deleted", true));
    }

    private static ObjectNode describe(StoredFile file) {
        ObjectNode node = Json.object().put("id", file.id()).put("object", "file")
                .put("bytes", file.bytes()).put("created_at", file.createdMillis() / MILLIS);
        if (file.expiresMillis() != 0) {
            node.put("expires_at", file.expiresMillis() / MILLIS);
        }
        return node.put("filename", file.name()).put("purpose", file.purpose())
                .put("status", "processed").put("sha256", file.sha256());
    }
}

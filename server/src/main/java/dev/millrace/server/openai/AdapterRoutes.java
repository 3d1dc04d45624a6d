package dev.millrace.server.openai;

import dev.millrace.engine.OverloadException;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.models.ModelException;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.model.AdapterLoader;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.openai.wire.RequestBody;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The routes that load and unload adapters, with vLLM's names. They make this process read files
 * that a client names, so they refuse unless the operator has allowed it.
 */
final class AdapterRoutes {

    private static final String NAME = "lora_name";
    private static final String PATH = "lora_path";

    private final ModelDirectory models;
    private final String baseId;
    private final AdapterLoader loader; // null where it is not allowed
    private final RequestBody bodies;
    /** One change at a time, so that no name is taken twice. */
    private final ReentrantLock changing = new ReentrantLock();

    AdapterRoutes(ModelDirectory models, String baseId, AdapterLoader loader, RequestBody bodies) {
        this.models = models;
        this.baseId = baseId;
        this.loader = loader;
        this.bodies = bodies;
    }

    void register(RoutesConfig routes) {
        routes.post("/v1/load_lora_adapter", this::load, RouteAccess.ADMINS);
        routes.post("/v1/unload_lora_adapter", this::unload, RouteAccess.ADMINS);
    }

    private void load(Context context) throws IOException {
        Fields fields = allowed(context);
        String name = fields.text(NAME);
        String path = fields.text(PATH);
        changing.lock();
        try {
            String id = baseId + ":" + name;
            if (models.find(id).isPresent()) {
                throw ApiException.invalid(NAME, "the adapter " + Fields.shown(id)
                        + " is loaded already; unload it first");
            }
            ServedModel model = load(name, path);
            models.add(model);
            Exchange.json(context, ModelDirectory.describe(model));
        } finally {
            changing.unlock();
        }
    }

    private ServedModel load(String name, String path) {
        try {
            return loader.load(name, Path.of(path));
        } catch (InvalidPathException | ModelException e) {
            throw ApiException.invalid(PATH, e.getMessage());
        } catch (OverloadException e) {
            throw ApiException.overloaded(e.getMessage(), e.retryAfter());
        } catch (BackendException e) {
            throw ApiException.refused(400, null, "no_room", e.getMessage());
        } catch (IllegalArgumentException e) {
            throw ApiException.invalid(NAME, e.getMessage());
        }
    }

    private void unload(Context context) throws IOException {
        Fields fields = allowed(context);
        String name = fields.text(NAME);
        changing.lock();
        try {
            ServedModel model = models.find(baseId + ":" + name)
                    .orElseThrow(() -> ApiException.refused(404, NAME, "model_not_found",
                            "no adapter \"" + Fields.shown(name) + "\" is loaded; this server"
                                    + " serves " + models.names()));
            models.remove(model);
            loader.unload(model);
            Exchange.json(context, Json.object().put("id", model.id())
                    .put("object", "model").put("deleted", true));
        } finally {
            changing.unlock();
        }
    }

    private Fields allowed(Context context) throws IOException {
        if (loader == null) {
            throw ApiException.refused(403, null, "lora_updates_off", "adapters cannot be loaded"
                    + " over HTTP here; start the server with --lora-updates to allow it, or with"
                    + " --lora NAME=PATH for each adapter");
        }
        return bodies.read(context.req());
    }
}

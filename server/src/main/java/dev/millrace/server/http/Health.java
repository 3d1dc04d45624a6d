package dev.millrace.server.http;

import dev.millrace.engine.ReplicaStatus;
import dev.millrace.server.openai.model.ServedModel;
import io.javalin.http.Context;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What orchestrators are told: whether to send requests, and whether to start the process anew, as
 * when a device is lost, which only a new process can use again.
 *
 * @param draining whether the server is about to stop
 */
record Health(List<ServedModel> models, BooleanSupplier draining) {

    private static final int UNAVAILABLE = 503;

    /** Whether new requests are taken. */
    void ready(Context context) {
        Optional<String> failure = failure();
        if (failure.isPresent()) {
            failed(context, failure.get());
        } else if (draining.getAsBoolean()) {
            answer(context.status(UNAVAILABLE), status("draining"));
        } else {
            answer(context, degraded().map(why -> status("degraded").put("message", why))
                    .orElseGet(() -> status("ok")));
        }
    }

    /** What still serves, but on fewer devices than it was started on. */
    private Optional<String> degraded() {
        for (ServedModel model : models) {
            List<ReplicaStatus> replicas = model.engine().replicas();
            List<String> failures = replicas.stream().flatMap(one -> one.failure().stream())
                    .toList();
            if (!failures.isEmpty()) {
                return Optional.of((replicas.size() - failures.size()) + " of " + replicas.size()
                        + " replicas of " + model.id() + " serve: " + failures.getFirst());
            }
        }
        return Optional.empty();
    }

    /** Whether a new process would do no better. */
    void alive(Context context) {
        failure().ifPresentOrElse(why -> failed(context, why),
                () -> answer(context, status("alive")));
    }

    private Optional<String> failure() {
        return models.stream().flatMap(model -> model.engine().failure().stream()).findFirst();
    }

    private static void failed(Context context, String why) {
        answer(context.status(UNAVAILABLE), status("failed").put("message", why));
    }

    private static ObjectNode status(String word) {
        return JsonMapper.shared().createObjectNode().put("status", word);
    }

    private static void answer(Context context, ObjectNode answer) {
        context.contentType("application/json").result(answer.toString());
    }
}

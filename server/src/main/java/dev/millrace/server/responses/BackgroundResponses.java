package dev.millrace.server.responses;

import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.ClientGoneException;
import dev.millrace.server.tenants.Identity;
import java.io.IOException;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Responses that go on without their clients, each on a thread of its own. They are in the store
 * from the moment that they are accepted; their events are here while they run and, of the last
 * few, a while longer. Safe to share between threads.
 */
final class BackgroundResponses {

    private static final Logger LOG = LoggerFactory.getLogger(BackgroundResponses.class);
    private static final int MOST_RUNNING = 128;
    /** Of those that have ended, whose events are still here. */
    private static final int MOST_REMEMBERED = 32;
    private static final Duration BUSY_RETRY = Duration.ofSeconds(1);
    private static final Duration CANCEL_WAIT = Duration.ofSeconds(30);

    private final ResponseWork work;
    private final StoredResponses stored;
    private final Semaphore places = new Semaphore(MOST_RUNNING);
    private final Map<String, BackgroundRun> runs = new LinkedHashMap<>();

    BackgroundResponses(ResponseWork work, StoredResponses stored) {
        this.work = work;
        this.stored = stored;
    }

    /**
     * Starts one; when this returns it is accepted and stored.
     *
     * @throws ApiException if it is refused
     */
    BackgroundRun start(ResponseRequest request, Caller caller) throws InterruptedException {
        if (!places.tryAcquire()) {
            throw ApiException.overloaded("this server makes at most " + MOST_RUNNING
                    + " responses in the background at once", BUSY_RETRY);
        }
        BackgroundRun run = new BackgroundRun(caller.identity().tenant());
        CompletableFuture<Void> accepted = new CompletableFuture<>();
        Thread.ofVirtual().name("background response").start(() -> {
            try {
                run(request, caller, run, accepted);
            } finally {
                places.release();
            }
        });
        try {
            accepted.get();
            return run;
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException refused
                    ? refused
                    : new IllegalStateException(e.getCause());
        }
    }

    private void run(ResponseRequest request, Caller caller, BackgroundRun run,
            CompletableFuture<Void> accepted) {
        Identity owner = caller.identity();
        EventOutput output = new Acceptance(run, response -> {
            if (!stored.keepOrFail(owner, request.input(), response)) {
                throw new LedgerException("the response takes more than a tenant may store");
            }
        }, response -> {
            remember(response.get("id").stringValue(), run);
            accepted.complete(null);
        });
        ResponseBuilder builder = work.builder(request, output, response -> !run.isForgotten()
                && stored.keep(owner, request.input(), response));
        try {
            work.run(request, ResponsesRoutes.RESPONSES,
                    new Caller(owner, run, caller.headers()), builder);
        } catch (ClientGoneException e) {
            cancelled(builder);
        } catch (IOException | RuntimeException | InterruptedException e) {
            if (!accepted.completeExceptionally(e)) {
                LOG.error("a response in the background failed", e);
            }
        } finally {
            run.end(run.started() ? builder.response() : null);
        }
    }

    private static void cancelled(ResponseBuilder builder) {
        try {
            builder.cancelled();
        } catch (IOException e) {
            throw new IllegalStateException("nothing is sent here", e);
        }
    }

    /** Has a response stored with its first event, before anybody hears of it. */
    private record Acceptance(BackgroundRun run, Consumer<ObjectNode> before,
            Consumer<ObjectNode> after) implements EventOutput {

        @Override
        public void event(ObjectNode event) {
            if (run.started()) {
                run.event(event);
                return;
            }
            ObjectNode response = (ObjectNode) event.get("response");
            before.accept(response);
            run.event(event);
            after.accept(response);
        }

        @Override
        public void keepAlive() {
            run.keepAlive();
        }

        @Override
        public boolean started() {
            return run.started();
        }
    }

    private void remember(String id, BackgroundRun run) {
        synchronized (runs) {
            runs.put(id, run);
            long ended = runs.values().stream().filter(BackgroundRun::ended).count();
            Iterator<BackgroundRun> oldest = runs.values().iterator();
            while (ended > MOST_REMEMBERED) {
                if (oldest.next().ended()) {
                    oldest.remove();
                    ended--;
                }
            }
        }
    }

    /** A tenant's run of this id, if it is still known here. */
    Optional<BackgroundRun> find(String tenant, String id) {
        synchronized (runs) {
            return Optional.ofNullable(runs.get(id)).filter(run -> run.isOf(tenant));
        }
    }

    /** Ends a run and waits for that. */
    static void cancel(BackgroundRun run) throws InterruptedException {
        run.cancel();
        if (!run.awaitEnd(CANCEL_WAIT)) {
            throw ApiException.overloaded("the response is taking long to end", BUSY_RETRY);
        }
    }

    /** Ends a run of which nothing shall be left. */
    void forget(String id, BackgroundRun run) throws InterruptedException {
        run.forget();
        run.awaitEnd(CANCEL_WAIT);
        synchronized (runs) {
            runs.remove(id);
        }
    }

    /** Waits until those that have been answered are stored. */
    void awaitStored(Duration most) throws InterruptedException {
        if (places.tryAcquire(MOST_RUNNING, most.toMillis(),
                TimeUnit.MILLISECONDS)) {
            places.release(MOST_RUNNING);
        }
    }
}

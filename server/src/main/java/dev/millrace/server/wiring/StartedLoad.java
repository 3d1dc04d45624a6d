package dev.millrace.server.wiring;

import dev.millrace.engine.host.HostedModel;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** The first model on its way to the device, while the rest of a server is put together. */
final class StartedLoad {

    private final FutureTask<LoadedReplicas> task;

    StartedLoad(HostedModel model) {
        task = new FutureTask<>(() -> (LoadedReplicas) model.load());
        Thread.ofPlatform().daemon().name("millrace-first-load").start(task);
    }

    /**
     * Waits until it is there; an interrupt stays pending.
     *
     * @throws RuntimeException what loading it threw, if that failed
     */
    LoadedReplicas await() {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException why -> throw why;
                case Error why -> throw why;
                default -> throw new IllegalStateException("the model could not be loaded", e);
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}

package dev.millrace.bench.serve;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * Puts a workload on a server. In an open loop every request goes out when it is due, in a thread
 * of its own, and its latency counts from then: a server that stalls cannot hold back the requests
 * that would have shown it (what is called coordinated omission).
 */
final class LoadRun {

    private final StreamingClient client;
    private final RandomPrompts prompts;
    private final Workload workload;
    private final boolean salted;
    private final IntConsumer progress;

    /**
     * @param salted   whether every request has a cache salt of its own
     * @param progress told how many requests have ended, after each
     */
    LoadRun(StreamingClient client, RandomPrompts prompts, Workload workload, boolean salted,
            IntConsumer progress) {
        this.salted = salted;
        this.client = client;
        this.prompts = prompts;
        this.workload = workload;
        this.progress = progress;
    }

    /** Runs it to the end; the answers are in the order of the requests. */
    List<Answered> run() throws InterruptedException {
        Answered[] answers = new Answered[workload.requests().size()];
        AtomicInteger ended = new AtomicInteger();
        AtomicInteger next = new AtomicInteger();
        boolean open = workload.clients() == 0;
        int threads = open ? answers.length : workload.clients();
        long startNanos = System.nanoTime();
        try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Void>> futures = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                futures.add(executor.submit(() -> {
                    // In an open loop there are as many threads as requests.
                    for (int request = next.getAndIncrement(); request < answers.length;) {
                        answers[request] = send(request, open, startNanos);
                        progress.accept(ended.incrementAndGet());
                        request = open ? answers.length : next.getAndIncrement();
                    }
                    return null;
                }));
            }
            for (Future<Void> future : futures) {
                await(future);
            }
        }
        return List.of(answers);
    }

    private Answered send(int index, boolean open, long startNanos) throws InterruptedException {
        PlannedRequest request = workload.requests().get(index);
        int[] prompt = prompts.prompt(workload.text(index), request.promptTokens());
        long dueNanos = open ? request.atNanos() : System.nanoTime() - startNanos;
        TimeUnit.NANOSECONDS.sleep(dueNanos - (System.nanoTime() - startNanos));
        return client.complete(prompt, request.outputTokens(),
                salted ? "bench-" + startNanos + "-" + index : null, startNanos, dueNanos);
    }

    private static void await(Future<Void> future) throws InterruptedException {
        try {
            future.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("a request could not be sent", e.getCause());
        }
    }
}

package dev.millrace.server.openai.completion;

import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationEvent.Finished;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The generations of one request, read as one stream of events. A single generation is read
 * directly; several have a virtual thread each, since a generation's reader blocks.
 */
final class RunningChoices implements AutoCloseable {

    private static final int QUEUED_EVENTS_PER_CHOICE = 16;
    private static final Duration READER_WAIT = Duration.ofMillis(500);
    /** A cancelled generation ends within a step; the slowest step is far shorter than this. */
    private static final Duration CANCEL_WAIT = Duration.ofSeconds(30);

    private final List<Generation> generations;
    private final Finished[] finished;
    private final BlockingQueue<ChoiceEvent> merged;
    private volatile boolean abandoned;

    RunningChoices(List<Generation> generations) {
        this.generations = List.copyOf(generations);
        this.finished = new Finished[generations.size()];
        this.merged = new ArrayBlockingQueue<>(
                Math.max(1, generations.size()) * QUEUED_EVENTS_PER_CHOICE);
        if (generations.size() > 1) {
            for (int i = 0; i < generations.size(); i++) {
                int choice = i;
                Thread.ofVirtual().name(generations.get(i).id()).start(() -> forward(choice));
            }
        }
    }

    private void forward(int choice) {
        try {
            GenerationEvent event = null;
            while (!(event instanceof Finished)) {
                event = generations.get(choice).next(READER_WAIT);
                if (event != null) {
                    offer(new ChoiceEvent(choice, event));
                }
            }
        } catch (InterruptedException e) {
            generations.get(choice).cancel();
            Thread.currentThread().interrupt();
        }
    }

    private void offer(ChoiceEvent event) throws InterruptedException {
        while (!merged.offer(event, READER_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
            if (abandoned) {
                return;
            }
        }
    }

    /** The next event of any choice, or null if none came in time. */
    ChoiceEvent next(Duration timeout) throws InterruptedException {
        ChoiceEvent event;
        if (generations.size() == 1) {
            GenerationEvent only = generations.getFirst().next(timeout);
            event = only == null ? null : new ChoiceEvent(0, only);
        } else {
            event = merged.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
        }
        if (event != null && event.event() instanceof Finished end) {
            finished[event.choice()] = end;
        }
        return event;
    }

    boolean allFinished() {
        return Arrays.stream(finished).allMatch(Objects::nonNull);
    }

    /** How each choice ended; null for one that has not. */
    List<Finished> finished() {
        return Arrays.asList(finished);
    }

    /** Cancels what still runs and reads it to its end, so that its account is complete. */
    @Override
    public void close() {
        if (allFinished()) {
            return;
        }
        generations.forEach(Generation::cancel);
        long deadline = System.nanoTime() + CANCEL_WAIT.toNanos();
        try {
            while (!allFinished() && System.nanoTime() < deadline) {
                next(READER_WAIT);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        abandoned = true;
    }
}

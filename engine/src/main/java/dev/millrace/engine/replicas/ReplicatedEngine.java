package dev.millrace.engine.replicas;

import dev.millrace.engine.Engine;
import dev.millrace.engine.EngineStatus;
import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.Replica;
import dev.millrace.engine.ReplicaStatus;
import dev.millrace.engine.UnloadedAdapterException;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.models.LoraAdapter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Several engines of one model as one: each request runs on one of them, to its end. One whose
 * device is lost ends its requests and gets no more; the others go on. A request that one has no
 * place for is offered to the others.
 */
public final class ReplicatedEngine implements Engine {

    /** When somebody may have restarted the server. */
    static final Duration RESTART = Duration.ofSeconds(30);

    private final List<? extends Replica> replicas;
    private final ReplicaChoice choice;
    private final AtomicLongArray given;
    private final ReentrantLock placing = new ReentrantLock(); // or two would see the same place
    private final ReentrantLock adapting = new ReentrantLock();
    private final Map<Integer, int[]> slots = new HashMap<>(); // by replica; guarded by placing
    private int nextSlot;

    /** @param replicas two or more, on a device each; closed with this */
    public ReplicatedEngine(List<? extends Replica> replicas) {
        if (replicas.size() < 2) {
            throw new IllegalArgumentException("replicas must be at least 2, got "
                    + replicas.size());
        }
        this.replicas = List.copyOf(replicas);
        this.choice = new ReplicaChoice(this.replicas);
        this.given = new AtomicLongArray(replicas.size());
    }

    @Override
    public Generation submit(GenerationRequest request) {
        placing.lock();
        try {
            int[] adapter = adapterOf(request);
            OverloadException refusal = null;
            for (int place : choice.order(request, adapter)) {
                try {
                    Generation generation = replicas.get(place).submit(adapter == null
                            ? request
                            : request.withAdapter(adapter[place]));
                    given.incrementAndGet(place);
                    return generation;
                } catch (OverloadException e) {
                    refusal = sooner(refusal, e);
                } catch (IllegalStateException e) {
                    if (replicas.get(place).failure().isEmpty()) {
                        throw e;
                    }
                }
            }
            throw refusal == null ? stopped() : refusal;
        } finally {
            placing.unlock();
        }
    }

    private int[] adapterOf(GenerationRequest request) {
        if (request.adapterSlot() == SequenceRow.NO_ADAPTER) {
            return null;
        }
        int[] adapter = slots.get(request.adapterSlot());
        if (adapter == null) {
            throw new UnloadedAdapterException(request.adapterSlot());
        }
        return adapter;
    }

    private static OverloadException sooner(OverloadException one, OverloadException other) {
        return one == null || other.retryAfter().compareTo(one.retryAfter()) < 0 ? other : one;
    }

    /** The refusal of everything once no replica that could serve a request is left. */
    private OverloadException stopped() {
        return new OverloadException(replicas.stream()
                .flatMap(replica -> replica.failure().stream()).findFirst()
                .orElse("no replica has this adapter; load it again"), RESTART);
    }

    /** Loads it on every replica that serves, or on none. */
    @Override
    public int loadAdapter(LoraAdapter adapter) {
        adapting.lock();
        try {
            int[] loaded = load(adapter.shared(replicas.size()));
            placing.lock();
            try {
                slots.put(nextSlot, loaded);
                return nextSlot++;
            } finally {
                placing.unlock();
            }
        } finally {
            adapting.unlock();
        }
    }

    private int[] load(List<LoraAdapter> copies) {
        int[] loaded = new int[replicas.size()];
        Arrays.fill(loaded, SequenceRow.NO_ADAPTER);
        int next = 0;
        boolean done = false;
        try {
            for (; next < loaded.length; next++) {
                loadWhereItServes(copies.get(next), next, loaded);
            }
            if (Arrays.stream(loaded).allMatch(slot -> slot == SequenceRow.NO_ADAPTER)) {
                throw stopped();
            }
            done = true;
            return loaded;
        } finally {
            if (!done) {
                copies.subList(next, loaded.length).forEach(LoraAdapter::close);
                unload(loaded);
            }
        }
    }

    private void loadWhereItServes(LoraAdapter copy, int place, int[] loaded) {
        Replica replica = replicas.get(place);
        if (replica.failure().isEmpty()) {
            try {
                loaded[place] = replica.loadAdapter(copy);
                return;
            } catch (OverloadException e) {
                if (replica.failure().isEmpty()) {
                    throw e;
                }
            }
        }
        copy.close(); // lost: the others have theirs
    }

    @Override
    public void unloadAdapter(int slot) {
        int[] loaded;
        placing.lock();
        try {
            loaded = slots.remove(slot);
        } finally {
            placing.unlock();
        }
        if (loaded == null) {
            throw new UnloadedAdapterException(slot);
        }
        unload(loaded);
    }

    private void unload(int[] loaded) {
        for (int place = 0; place < loaded.length; place++) {
            if (loaded[place] != SequenceRow.NO_ADAPTER
                    && replicas.get(place).failure().isEmpty()) {
                replicas.get(place).unloadAdapter(loaded[place]);
            }
        }
    }

    /** Only once none of them serves any more: what the first of them says. */
    @Override
    public Optional<String> failure() {
        List<String> failures = replicas.stream().flatMap(replica -> replica.failure().stream())
                .toList();
        return failures.size() < replicas.size()
                ? Optional.empty()
                : Optional.of(failures.getFirst());
    }

    @Override
    public List<ReplicaStatus> replicas() {
        List<ReplicaStatus> all = new ArrayList<>();
        for (int place = 0; place < replicas.size(); place++) {
            Replica replica = replicas.get(place);
            all.add(new ReplicaStatus(replica.status(), given.get(place), replica.failure()));
        }
        return all;
    }

    @Override
    public EngineStatus status() {
        return replicas.stream().map(Engine::status).reduce(EngineStatus::plus).orElseThrow();
    }

    /** All of them within the time. */
    @Override
    public boolean drain(Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        boolean finished = true;
        for (Replica replica : replicas) {
            replica.refuse();
        }
        for (Replica replica : replicas) {
            finished &= replica.drain(Duration.ofNanos(
                    Math.max(0, deadline - System.nanoTime())));
        }
        return finished;
    }

    @Override
    public void close() {
        replicas.forEach(Replica::refuse);
        replicas.forEach(Engine::close);
    }
}

package dev.millrace.engine.host;

import dev.millrace.engine.Engine;
import dev.millrace.engine.EngineStatus;
import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.ReplicaStatus;
import dev.millrace.engine.ServiceTerms;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.models.LoraAdapter;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A model that a {@link ModelHost} opens when it is needed: an engine that is always there, though
 * the model behind it comes and goes. What it submits waits while the model is being opened.
 *
 * <p>All state is guarded by the host's lock.
 */
public final class HostedModel implements Engine {

    private static final Logger LOG = System.getLogger(HostedModel.class.getName());
    private static final DeviceMemory NOTHING = new DeviceMemory(0, 0, 0, 0);
    private static final Duration RETRY = Duration.ofSeconds(10);

    private final ModelHost host;
    private final String name;
    private final long bytes;
    private final boolean pinned;
    private final ModelOpener opener;

    private RunningModel running; // null while it is not on the device
    private boolean leaving;
    private boolean draining;
    private int waiting; // requests that wait until it is open
    private int entered; // requests that are being submitted
    private long lastUsedNanos;
    private long loads;
    private long failures;
    private Throwable lastFailure;
    private String stopped; // why it will not be opened again; null while it may be
    private long pastSteps; // of engines that are gone
    private long pastPreemptions;
    private long pastPoisoned;

    HostedModel(ModelHost host, String name, long bytes, boolean pinned, ModelOpener opener) {
        this.host = host;
        this.name = name;
        this.bytes = bytes;
        this.pinned = pinned;
        this.opener = opener;
    }

    public String name() {
        return name;
    }

    /** What it takes of the memory once it is open. */
    public long bytes() {
        return bytes;
    }

    /**
     * Opens it now, if it is not open.
     *
     * @return what runs it, until the host frees it
     * @throws RuntimeException what opening it threw, if that failed
     */
    public RunningModel load() {
        try {
            host.enter(this);
        } catch (OverloadException e) {
            switch (e.getCause()) {
                case RuntimeException why -> throw why;
                case Error why -> throw why;
                case null, default -> throw e;
            }
        }
        try {
            return running;
        } finally {
            host.leave(this);
        }
    }

    @Override
    public Generation submit(GenerationRequest request) {
        long askedNanos = host.nanoTime();
        Engine engine = enter(request.id());
        try {
            return engine.submit(lessTime(request, host.nanoTime() - askedNanos));
        } finally {
            host.leave(this);
        }
    }

    /** What the model's opening took is gone of the request's time; if all is, it ends at once. */
    private static GenerationRequest lessTime(GenerationRequest request, long goneNanos) {
        ServiceTerms terms = request.terms();
        return terms.limited()
                ? request.served(terms.within(Duration.ofNanos(
                        Math.max(1, terms.timeLimit().toNanos() - goneNanos))))
                : request;
    }

    private Engine enter(String requestId) {
        try {
            return host.enter(this);
        } catch (OverloadException e) {
            if (e.getCause() != null) {
                LOG.log(Level.ERROR, "request " + requestId + ": " + e.getMessage(), e.getCause());
            }
            throw e;
        }
    }

    /** Only for a model that stays: slots do not outlive the engine. */
    @Override
    public int loadAdapter(LoraAdapter adapter) {
        if (!pinned) {
            throw new IllegalStateException(name + " comes and goes, so it takes no adapters");
        }
        Engine engine = host.enter(this);
        try {
            return engine.loadAdapter(adapter);
        } finally {
            host.leave(this);
        }
    }

    @Override
    public void unloadAdapter(int slot) {
        Engine engine = host.enter(this);
        try {
            engine.unloadAdapter(slot);
        } finally {
            host.leave(this);
        }
    }

    @Override
    public boolean loaded() {
        host.lock().lock();
        try {
            return isOpen();
        } finally {
            host.lock().unlock();
        }
    }

    /** How often it was opened. */
    public long loads() {
        host.lock().lock();
        try {
            return loads;
        } finally {
            host.lock().unlock();
        }
    }

    /** What it takes on the device now. */
    public DeviceMemory memory() {
        host.lock().lock();
        try {
            return running == null ? NOTHING : running.memory();
        } finally {
            host.lock().unlock();
        }
    }

    @Override
    public EngineStatus status() {
        host.lock().lock();
        try {
            EngineStatus now = running == null
                    ? new EngineStatus(0, 0, 0, 0, 0, 0, 0, false)
                    : running.engine().status();
            return new EngineStatus(now.running(), now.waiting() + waiting, now.usedBlocks(),
                    now.totalBlocks(), pastSteps + now.steps(),
                    pastPreemptions + now.preemptions(), pastPoisoned + now.poisoned(),
                    draining);
        } finally {
            host.lock().unlock();
        }
    }

    @Override
    public List<ReplicaStatus> replicas() {
        host.lock().lock();
        try {
            return running == null ? List.of() : running.engine().replicas();
        } finally {
            host.lock().unlock();
        }
    }

    @Override
    public boolean drain(Duration timeout) {
        host.drain(this);
        RunningModel latest;
        host.lock().lock();
        try {
            latest = running;
        } finally {
            host.lock().unlock();
        }
        return latest == null || latest.engine().drain(timeout);
    }

    /** Takes no more requests and cancels all; the memory is its host's to free. */
    @Override
    public void close() {
        drain(Duration.ZERO);
    }

    ModelOpener opener() {
        return opener;
    }

    boolean pinned() {
        return pinned;
    }

    RunningModel running() {
        return running;
    }

    /** Whether requests may enter. */
    boolean isOpen() {
        return running != null && !leaving;
    }

    /** Whether its memory could be had: who has waited for it gets in first. */
    boolean mayGo() {
        return isOpen() && !pinned && waiting == 0 && entered == 0;
    }

    boolean busy() {
        EngineStatus status = running.engine().status();
        return status.running() + status.waiting() > 0;
    }

    boolean draining() {
        return draining;
    }

    void startDraining() {
        draining = true;
    }

    int waiting() {
        return waiting;
    }

    void wait(int more) {
        waiting += more;
    }

    void enter(long nowNanos) {
        entered++;
        use(nowNanos);
    }

    void leave(long nowNanos) {
        entered--;
        use(nowNanos);
    }

    void use(long nowNanos) {
        lastUsedNanos = nowNanos;
    }

    long lastUsedNanos() {
        return lastUsedNanos;
    }

    long failures() {
        return failures;
    }

    @Override
    public Optional<String> failure() {
        host.lock().lock();
        try {
            return running == null ? Optional.ofNullable(stopped) : running.engine().failure();
        } finally {
            host.lock().unlock();
        }
    }

    /** @throws OverloadException if its engine has stopped for good, or its device is lost */
    void requireAlive() {
        if (stopped != null) {
            throw new OverloadException(stopped, RETRY);
        }
    }

    /** The last failure to open it, for whoever waits for that; only the log names files. */
    OverloadException loadFailure() {
        String why = lastFailure instanceof BackendException
                ? ": " + lastFailure.getMessage()
                : "; the server's log says why";
        OverloadException failure = new OverloadException(name + " could not be loaded" + why,
                RETRY);
        failure.initCause(lastFailure);
        return failure;
    }

    void failed(Throwable failure) {
        failures++;
        lastFailure = failure;
        if (failure instanceof DeviceLostException) {
            stopped = failure.getMessage();
        }
    }

    void opened(RunningModel model, long nowNanos) {
        running = model;
        loads++;
        use(nowNanos);
    }

    void startLeaving() {
        leaving = true;
    }

    void freed() {
        EngineStatus last = running.engine().status();
        pastSteps += last.steps();
        pastPreemptions += last.preemptions();
        pastPoisoned += last.poisoned();
        stopped = running.engine().failure().orElse(null);
        running = null;
        leaving = false;
    }
}

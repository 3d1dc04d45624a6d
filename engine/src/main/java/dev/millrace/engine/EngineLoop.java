package dev.millrace.engine;

import dev.millrace.engine.DeviceLane.Occupancy;
import dev.millrace.engine.constrain.ConstraintException;
import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.engine.forward.StepResult.RowResult;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Optional;

/** What the engine's thread does over and over: take the mail, plan, run a step, tell everyone. */
final class EngineLoop {

    private static final Logger LOG = System.getLogger(EngineLoop.class.getName());

    private static final String STEP_FAILED = "the model's step failed, and this request with it;"
            + " the server's log says why";
    private static final String POISONED = "no token can be drawn for this request: the model gave"
            + " no valid probabilities (not a number), or what the request allows leaves nothing;"
            + " other requests are not affected";
    private static final String REQUEST_FAILED = "this request ran into an internal error, which"
            + " the server's log tells; other requests are not affected";

    private final ForwardPass forwardPass;
    private final Vocabulary vocabulary;
    private final Inbox inbox;
    private final BlockCache cache;
    private final Scheduler scheduler;
    private final DeviceLane lane;
    private final StepObserver observer;
    private final AdapterSlots adapters;
    private final Optional<Drafter> drafter;
    private final Deadlines deadlines = new Deadlines();
    private long steps;
    private long poisoned;

    EngineLoop(ForwardPass forwardPass, Vocabulary vocabulary, EngineSettings settings, Inbox inbox,
            BlockCache cache, DeviceLane lane, StepObserver observer, AdapterSlots adapters,
            Optional<Drafter> drafter) {
        this.forwardPass = forwardPass;
        this.vocabulary = vocabulary;
        this.inbox = inbox;
        this.cache = cache;
        this.scheduler = new Scheduler(settings, cache);
        this.lane = lane;
        this.observer = observer;
        this.adapters = adapters;
        this.drafter = drafter;
    }

    boolean isIdle() {
        return scheduler.isIdle();
    }

    /** Takes the mail and runs one step, if there is anything to run. */
    void turn() {
        inbox.deliver(this::add, this::finish);
        for (Sequence late : deadlines.passed(lane.nanoTime())) {
            finish(late, FinishReason.DEADLINE);
        }
        if (!scheduler.isIdle()) {
            step();
        }
    }

    private void add(Sequence sequence) {
        scheduler.add(sequence);
        deadlines.add(sequence);
    }

    private void step() {
        drafter.ifPresent(this::draft);
        StepPlan plan = scheduler.plan();
        begin(plan);
        plan.failed().forEach(this::failAlone);
        if (plan.sequences().isEmpty()) {
            return;
        }
        Occupancy<StepResult> run = lane.step(() -> run(plan));
        steps++;
        scheduler.ran(plan, run.nanos());
        // Before any token is published: a client that has its last token has been billed for it.
        observer.onStep(new StepRecord(run.nanos(), plan.shares(run.value(), adapters)));
        if (run.failure() instanceof DeviceLostException lost) {
            throw lost; // no other step can do better
        }
        if (run.failure() == null) {
            publish(plan, run.value());
        } else {
            fail(plan, run.failure());
        }
    }

    private void draft(Drafter draftModel) {
        List<Sequence> decoding = scheduler.decoding();
        try {
            draftModel.draft(decoding, scheduler.guessRoom(decoding.size()), scheduler.costs());
        } catch (RuntimeException failure) {
            LOG.log(Level.ERROR, "guesses failed; " + decoding.size()
                    + " requests go on without a draft model", failure);
            decoding.forEach(sequence -> {
                sequence.stopDrafts();
                draftModel.ended(sequence);
            });
        }
    }

    private void begin(StepPlan plan) {
        long now = lane.nanoTime();
        for (Sequence sequence : plan.started()) {
            sequence.reply().begin(now);
            inbox.started(sequence, now);
        }
    }

    private StepResult run(StepPlan plan) {
        return plan.check(forwardPass.step(plan.batch()), vocabulary.size());
    }

    private void publish(StepPlan plan, StepResult result) {
        long now = lane.nanoTime();
        for (int i = 0; i < plan.sequences().size(); i++) {
            Sequence sequence = plan.sequences().get(i);
            try {
                publish(sequence, result.rows().get(i), now);
            } catch (RuntimeException failure) {
                failAlone(sequence, failure);
            }
        }
    }

    private void failAlone(Sequence sequence, RuntimeException failure) {
        LOG.log(Level.ERROR, "request " + sequence.request().id() + " failed", failure);
        scheduler.removeSuspect(sequence);
        end(sequence, FinishReason.FAILED, REQUEST_FAILED);
    }

    private void publish(Sequence sequence, RowResult row, long now) {
        if (row.poisoned() && sequence.draftTokens() > 0) {
            sequence.withdrawDrafts(); // perhaps only a guess was poisoned, which nobody said
            return;
        }
        if (row.poisoned()) {
            LOG.log(Level.WARNING, "request {0} was poisoned after {1} tokens",
                    sequence.request().id(), sequence.length());
            poisoned++;
            scheduler.removeSuspect(sequence);
            end(sequence, FinishReason.FAILED, POISONED);
            return;
        }
        if (!sequence.reachesEnd()) {
            sequence.learnPrompt(row);
            scheduler.computed(sequence, false);
            return;
        }
        if (sequence.endsWithPrompt()) {
            sequence.learnState(row);
            scheduler.computed(sequence, true);
            finish(sequence, FinishReason.STOP);
            return;
        }
        int accepted = sequence.verify(row.tokens());
        scheduler.computed(sequence, true);
        boolean goesOn = append(sequence, row, 0, now);
        // A guess that was right is a token that is computed already, and what follows it is known.
        for (int i = 1; i <= accepted && goesOn; i++) {
            sequence.scheduleAccepted();
            scheduler.computed(sequence, true);
            goesOn = append(sequence, row, i, now);
        }
    }

    /** Takes the token after one of a row's positions. @return whether another may follow */
    private boolean append(Sequence sequence, RowResult row, int index, long now) {
        sequence.append(row.tokens()[index]);
        try {
            if (sequence.reply().accept(row, index, now) || sequence.completes()) {
                finish(sequence, FinishReason.STOP);
            } else if (sequence.full()) {
                finish(sequence, FinishReason.LENGTH);
            } else {
                return true;
            }
        } catch (ConstraintException stuck) {
            LOG.log(Level.WARNING, "request {0} cannot go on: {1}", sequence.request().id(),
                    stuck.getMessage());
            scheduler.remove(sequence);
            end(sequence, FinishReason.FAILED, stuck.getMessage());
        }
        return false;
    }

    private void fail(StepPlan plan, Throwable failure) {
        LOG.log(Level.ERROR, "a step of " + plan.batch().tokens() + " tokens for "
                + plan.sequences().size() + " requests failed", failure);
        if (plan.sequences().size() > 1) {
            plan.sequences().forEach(scheduler::suspect);
            return;
        }
        Sequence sequence = plan.sequences().getFirst();
        scheduler.removeSuspect(sequence);
        end(sequence, FinishReason.FAILED, STEP_FAILED);
    }

    private void finish(Sequence sequence, FinishReason reason) {
        scheduler.remove(sequence);
        end(sequence, reason, null);
    }

    /** Closes the books of a request, then lets its reader go. */
    private void end(Sequence sequence, FinishReason reason, String error) {
        if (!sequence.end()) {
            return;
        }
        drafter.ifPresent(draftModel -> draftModel.ended(sequence));
        FinishedRequest finished = new FinishedRequest(sequence.request().id(), reason,
                sequence.usage(), sequence.reply().timings(lane.nanoTime()));
        try {
            observer.onFinished(finished);
        } finally {
            sequence.reply().end(finished, error);
            inbox.ended(sequence);
            adapters.leave(sequence.request().adapterSlot());
        }
    }

    /**
     * Ends whatever is left after the loop itself has failed; trusts nothing but the inbox.
     *
     * @param why for whoever waits for an answer
     */
    void abandon(String why) {
        for (Sequence sequence : inbox.live()) {
            try {
                end(sequence, FinishReason.FAILED, why);
            } catch (RuntimeException | Error failure) {
                LOG.log(Level.ERROR, "could not close request " + sequence.request().id(), failure);
            }
        }
    }

    /** Tokens of running requests' prompts that are still to be computed. */
    long promptTokens() {
        return scheduler.promptTokens();
    }

    /** A snapshot, but for what only the inbox knows. */
    EngineStatus status() {
        return new EngineStatus(scheduler.running(), scheduler.waiting(), cache.usedBlocks(),
                cache.totalBlocks(), steps, scheduler.preemptions(), poisoned, false);
    }
}

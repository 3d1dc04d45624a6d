package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Decides what the next step computes. Pure bookkeeping: no clock, no threads, no device, and equal
 * calls give equal plans.
 *
 * <p>There is no prefill phase: every sequence has tokens to compute, and decoding is having one.
 * Those go first, so that a long prompt never stalls them; what is left of the step's tokens goes
 * to prompts, in chunks. Guesses of what comes next take what decoding leaves of a few rows. When
 * blocks run out the youngest sequence gives back all of its own and
 * later computes them again; the oldest therefore always moves, and in the end everyone does.
 */
final class Scheduler {

    static final Comparator<Sequence> OLDEST_FIRST = Comparator.comparingLong(Sequence::arrival);

    private final EngineSettings settings;
    private final BlockCache cache;
    private final WaitingQueue waiting = new WaitingQueue();
    private final List<Sequence> running = new ArrayList<>(); // oldest first
    private long preemptions;

    private int budget; // tokens that the step being planned can still take

    Scheduler(EngineSettings settings, BlockCache cache) {
        this.settings = settings;
        this.cache = cache;
    }

    void add(Sequence sequence) {
        waiting.add(sequence);
    }

    boolean isIdle() {
        return running.isEmpty() && waiting.size() == 0;
    }

    int running() {
        return running.size();
    }

    int waiting() {
        return waiting.size();
    }

    long preemptions() {
        return preemptions;
    }

    /** Plans the next step; call only when not idle, and report back before the next call. */
    StepPlan plan() {
        budget = settings.stepTokens();
        scheduleRunning(true);
        scheduleDrafts();
        scheduleRunning(false);
        List<Sequence> started = startWaiting();
        List<Sequence> sequences = new ArrayList<>(running.size());
        List<SequenceRow> rows = new ArrayList<>(running.size());
        List<StepShare> shares = new ArrayList<>(running.size());
        for (Sequence sequence : running) {
            if (sequence.scheduledTokens() > 0) {
                sequences.add(sequence);
                rows.add(sequence.row());
                shares.add(sequence.share(cache.contextTokens(sequence.computedTokens(),
                        sequence.scheduledTokens())));
            }
        }
        if (rows.isEmpty()) {
            throw new IllegalStateException("nothing can run: " + running.size() + " running, "
                    + waiting.size() + " waiting, " + cache.usedBlocks() + " of "
                    + cache.totalBlocks() + " blocks used");
        }
        return new StepPlan(new StepBatch(rows, BlockOperations.NONE), sequences, shares, started);
    }

    private void scheduleRunning(boolean decoding) {
        // By index, because scheduling one may throw out others, which all come after it.
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (sequence.decoding() == decoding) {
                schedule(sequence);
            }
        }
    }

    private void schedule(Sequence sequence) {
        int wanted = Math.min(budget, sequence.remainingTokens());
        if (wanted == 0) {
            return;
        }
        int room = cache.grow(sequence, wanted);
        while (room == 0 && running.getLast() != sequence) {
            preempt(running.getLast());
            room = cache.grow(sequence, wanted);
        }
        sequence.schedule(room);
        budget -= room;
    }

    /** Guesses go where there is room beside the tokens that are certain; nobody gives way. */
    private void scheduleDrafts() {
        int rows = settings.stepTokens() - budget; // so far one for each that decodes
        int room = Math.min(budget, settings.speculation().mostRows() - rows);
        for (int i = 0; i < running.size() && room > 0; i++) {
            Sequence sequence = running.get(i);
            if (sequence.decoding() && sequence.scheduledTokens() == 1) {
                int[] guesses = sequence.guess(room);
                int granted = guesses.length == 0
                        ? 0
                        : cache.grow(sequence, 1 + guesses.length) - 1;
                if (granted > 0) {
                    sequence.draft(Arrays.copyOf(guesses, granted));
                    room -= granted;
                    budget -= granted;
                }
            }
        }
    }

    private void preempt(Sequence victim) {
        running.removeLast();
        budget += victim.scheduledTokens();
        cache.release(victim);
        victim.preempt();
        waiting.thrownOut(victim);
        preemptions++;
    }

    private List<Sequence> startWaiting() {
        List<Sequence> started = new ArrayList<>();
        while (budget > 0 && running.size() < settings.sequences()) {
            Sequence next = waiting.peek();
            if (next == null || !cache.admit(next, running)) {
                break;
            }
            waiting.started(next);
            insert(next);
            if (next.start()) {
                started.add(next);
            }
            schedule(next);
        }
        return started;
    }

    private void insert(Sequence sequence) {
        int place = running.size();
        while (place > 0 && OLDEST_FIRST.compare(running.get(place - 1), sequence) > 0) {
            place--;
        }
        running.add(place, sequence);
    }

    /**
     * Notes that a planned step has computed a sequence's tokens.
     *
     * @param sampled whether a token was sampled after them and was sound: only then is it certain
     *                that everything cached before it is, and others may share it
     */
    void computed(Sequence sequence, boolean sampled) {
        sequence.advance();
        if (sampled) {
            cache.share(sequence);
        }
        cache.slide(sequence);
    }

    /** Takes a sequence out, wherever it is, and gives back its blocks. */
    void remove(Sequence sequence) {
        if (running.remove(sequence)) {
            waiting.stopped(sequence);
            cache.release(sequence);
        } else {
            waiting.remove(sequence);
        }
    }

    /** As {@link #remove}, for a sequence whose cache is suspect: nobody shares it from now on. */
    void removeSuspect(Sequence sequence) {
        cache.discredit(sequence);
        remove(sequence);
    }
}

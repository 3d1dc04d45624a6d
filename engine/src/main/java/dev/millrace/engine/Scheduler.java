package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Decides what the next step computes. Pure bookkeeping: no clock, no threads, no device, and equal
 * calls give equal plans. How long steps took it is told.
 *
 * <p>There is no prefill phase: every sequence has tokens to compute, and decoding is having one.
 * Those go first, so that a long prompt never stalls them; what is left of the step's tokens goes
 * to prompts, in chunks that take about as long as decoding does: two at most, and no more than one
 * of them for all long prompts together, so that short ones need not wait for those. Guesses of
 * what comes next take what decoding leaves of a few rows. When blocks run out the last sequence
 * gives back all of its own and later computes them again; the first therefore always moves, and in
 * the end everyone does. So does the last one where a request of a better tier finds no room.
 *
 * <p>After a step that failed for several sequences, each of them runs alone, so that whoever made
 * it fail does so alone.
 */
final class Scheduler {

    /** By the time of submission, but for how urgent they are. */
    static final Comparator<Sequence> FIRST_TO_LAST = Comparator
            .comparingLong(Sequence::turnNanos).thenComparingLong(Sequence::arrival);

    private final EngineSettings settings;
    private final BlockCache cache;
    private final WaitingQueue waiting = new WaitingQueue();
    private final List<Sequence> running = new ArrayList<>(); // first to last
    private final Set<Sequence> suspects = new LinkedHashSet<>(); // of a step that failed
    private final Set<Sequence> forked = new LinkedHashSet<>(); // whose copies no step has made yet
    private final Map<Sequence, RuntimeException> failed = new LinkedHashMap<>();
    private final SharedPrompts prompts = new SharedPrompts();
    private final StepPace pace = new StepPace();
    private final GuessCosts costs;
    private long preemptions;

    private int budget; // tokens that the step being planned can still take
    private int promptShare; // of these, most for one prompt
    private int longShare; // and most for all long prompts together

    Scheduler(EngineSettings settings, BlockCache cache) {
        this.settings = settings;
        this.cache = cache;
        this.costs = new GuessCosts(settings.speculation().rowCost());
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

    /** Tokens of running sequences that must be computed before these can go on. */
    long promptTokens() {
        long tokens = 0;
        for (Sequence sequence : running) {
            tokens += Math.max(0, sequence.remainingTokens() - 1); // decoding is having one
        }
        return tokens;
    }

    int waiting() {
        return waiting.size() + prompts.held();
    }

    long preemptions() {
        return preemptions;
    }

    /** Plans the next step; call only when not idle, and report back before the next call. */
    StepPlan plan() {
        budget = settings.stepTokens();
        promptShare = budget;
        longShare = budget;
        List<Sequence> started = List.of();
        if (suspects.isEmpty()) {
            scheduleRunning(true);
            scheduleDrafts();
            sharePrompts();
            scheduleRunning(false);
            started = startWaiting();
        } else {
            schedule(suspects.iterator().next());
        }
        return assemble(started);
    }

    private StepPlan assemble(List<Sequence> started) {
        List<Sequence> sequences = new ArrayList<>(running.size());
        List<SequenceRow> rows = new ArrayList<>(running.size());
        List<StepShare> shares = new ArrayList<>(running.size());
        for (Sequence sequence : running) {
            if (sequence.scheduledTokens() > 0 && !failed.containsKey(sequence)) {
                prepare(sequence, () -> {
                    SequenceRow row = sequence.row();
                    shares.add(sequence.share(cache.contextTokens(sequence.computedTokens(),
                            sequence.scheduledTokens())));
                    rows.add(row);
                    sequences.add(sequence);
                });
            }
        }
        if (rows.isEmpty() && failed.isEmpty()) {
            throw new IllegalStateException("nothing can run: " + running.size() + " running, "
                    + waiting.size() + " waiting, " + cache.usedBlocks() + " of "
                    + cache.totalBlocks() + " blocks used");
        }
        Map<Sequence, RuntimeException> unprepared = Map.of();
        if (!failed.isEmpty()) {
            unprepared = new LinkedHashMap<>(failed);
            failed.clear();
        }
        return new StepPlan(new StepBatch(rows, cache.operations()), sequences, shares, started,
                unprepared);
    }

    /** Does something for one sequence alone: whoever cannot be prepared fails alone. */
    private void prepare(Sequence sequence, Runnable preparation) {
        try {
            preparation.run();
        } catch (RuntimeException failure) {
            failed.put(sequence, failure);
        }
    }

    /** Beside sequences that decode, prompts go in chunks that these hardly notice. */
    private void sharePrompts() {
        if (budget < settings.stepTokens()) {
            promptShare = Math.min(budget, pace.promptTokens());
            longShare = promptShare;
            budget = (int) Math.min(budget, (long) StepPace.MOST_PROMPTS * promptShare);
        }
    }

    /** Notes how long a planned step took. */
    void ran(StepPlan plan, long nanos) {
        int promptTokens = 0;
        for (StepShare share : plan.shares()) {
            promptTokens += share.promptTokens() + share.recomputeTokens();
        }
        pace.ran(promptTokens, nanos);
        if (promptTokens == 0) {
            costs.ran(plan.batch().tokens(), nanos);
        }
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
        int wanted = wantedTokens(sequence);
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
        if (isLong(sequence)) {
            longShare -= room;
        }
    }

    private int wantedTokens(Sequence sequence) {
        int share = isLong(sequence) ? Math.min(promptShare, longShare) : promptShare;
        return Math.min(Math.min(budget, share), sequence.computableTokens());
    }

    /** Whether it is going to hold up others for so long that all such share one share. */
    private static boolean isLong(Sequence sequence) {
        return sequence.backlogTokens() > StepPace.SHORT_PROMPT_TOKENS;
    }

    /** Guesses go where there is room beside the tokens that are certain; nobody gives way. */
    private void scheduleDrafts() {
        int rows = settings.stepTokens() - budget; // so far one for each that decodes
        int room = Math.min(budget, settings.speculation().mostRows() - rows);
        for (int i = 0; i < running.size() && room > 0; i++) {
            Sequence sequence = running.get(i);
            if (sequence.decoding() && sequence.scheduledTokens() == 1) {
                int most = room;
                prepare(sequence, () -> scheduleDrafts(sequence, most, rows));
                room -= sequence.draftTokens();
                budget -= sequence.draftTokens();
            }
        }
    }

    private void scheduleDrafts(Sequence sequence, int most, int decoding) {
        int guesses = sequence.guess(most, costs, decoding);
        int granted = guesses == 0 ? 0 : cache.grow(sequence, 1 + guesses) - 1;
        if (granted > 0) {
            sequence.draft(granted);
        }
    }

    /** What guesses cost so far. */
    GuessCosts costs() {
        return costs;
    }

    /** Those that the next step decodes, unless somebody gives way; first to last. */
    List<Sequence> decoding() {
        return suspects.isEmpty()
                ? running.stream().filter(Sequence::decoding).limit(settings.stepTokens()).toList()
                : List.of();
    }

    /** Most guesses beside so many sequences that decode. */
    int guessRoom(int decoding) {
        return Math.min(settings.stepTokens(), settings.speculation().mostRows()) - decoding;
    }

    private void preempt(Sequence victim) {
        running.remove(victim);
        suspects.remove(victim);
        forked.remove(victim);
        budget += victim.scheduledTokens();
        cache.release(victim);
        victim.preempt();
        waiting.thrownOut(victim);
        prompts.release(victim).forEach(waiting::add);
        preemptions++;
    }

    private List<Sequence> startWaiting() {
        List<Sequence> started = new ArrayList<>();
        while (budget > 0) {
            Sequence next = waiting.peek();
            Sequence leader = next == null || next.started() ? null : prompts.leader(next);
            if (leader != null && leader.computedTokens() < leader.promptTokens()
                    && running.contains(leader)) {
                waiting.remove(next);
                prompts.hold(next);
                continue;
            }
            if (next == null || longShare < 1 && isLong(next) || !admit(next, leader)) {
                break;
            }
            waiting.started(next);
            prompts.started(next);
            insert(next);
            if (next.start()) {
                started.add(next);
            }
            schedule(next);
        }
        return started;
    }

    /** Whoever is of a better tier need not wait for the last of a worse one to end. */
    private boolean admit(Sequence next, Sequence leader) {
        while (running.size() >= settings.sequences()
                || !cache.admit(next, running, leader)) {
            if (running.isEmpty() || !givesWay(running.getLast(), next)) {
                return false;
            }
            preempt(running.getLast());
        }
        if (leader != null) {
            forked.add(next);
        }
        return true;
    }

    private static boolean givesWay(Sequence last, Sequence next) {
        return next.request().terms().tier().compareTo(last.request().terms().tier()) < 0
                && FIRST_TO_LAST.compare(next, last) < 0;
    }

    private void insert(Sequence sequence) {
        int place = running.size();
        while (place > 0 && FIRST_TO_LAST.compare(running.get(place - 1), sequence) > 0) {
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
        suspects.remove(sequence);
        forked.remove(sequence);
        if (sampled) {
            waiting.generated(sequence);
            cache.share(sequence);
            prompts.release(sequence).forEach(waiting::add);
        }
        cache.slide(sequence);
    }

    /** Notes that a step failed for this sequence among others: perhaps because of it. */
    void suspect(Sequence sequence) {
        sequence.retry();
        if (forked.contains(sequence)) {
            preempt(sequence); // nobody knows whether its blocks were copied
        } else {
            suspects.add(sequence);
        }
    }

    /** Takes a sequence out, wherever it is, and gives back its blocks. */
    void remove(Sequence sequence) {
        suspects.remove(sequence);
        forked.remove(sequence);
        if (running.remove(sequence)) {
            cache.release(sequence);
        } else {
            waiting.remove(sequence);
        }
        prompts.ended(sequence).forEach(waiting::add);
    }

    /** As {@link #remove}, for a sequence whose cache is suspect: nobody shares it from now on. */
    void removeSuspect(Sequence sequence) {
        cache.discredit(sequence);
        remove(sequence);
    }
}

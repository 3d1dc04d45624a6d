package dev.millrace.server.metering;

import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.attribution.LearntWeights;
import dev.millrace.server.metering.attribution.LearntWeights.InForce;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.rate.CostModel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The meter's memory: what every open request has used, and the finished ones that the ledger does
 * not have yet. One lock guards it all, so that a snapshot counts each nanosecond exactly once.
 */
final class AccountBook {

    private static final int COMPONENTS = 4; // prompt, decode, recompute, rejected
    private static final TokenUsage NO_TOKENS = new TokenUsage(0, 0, 0);

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition work = lock.newCondition();
    private final Map<String, Account> open = new HashMap<>();
    private final ArrayDeque<Account> finished = new ArrayDeque<>();
    private final StepWeights weights;
    private final List<LearntWeights> learnt = new ArrayList<>();
    private final StepApportioner sequences = new StepApportioner();
    private final StepApportioner components = new StepApportioner();

    private double[] sequenceWeights = new double[16];
    private long[] sequenceNanos = new long[16];
    private final double[] componentWeights = new double[COMPONENTS];
    private final long[] componentNanos = new long[COMPONENTS];

    private final List<LaneSteps> lanes = new ArrayList<>(List.of(new LaneSteps()));
    private boolean closing;
    private long nanoUsdPerHour;

    /**
     * The books at one moment.
     *
     * @param paying  finished, oldest first, up to the limit asked for
     * @param unpaid  in progress, or finished and beyond that limit
     * @param lanes   what the steps of each lane went to beside requests
     * @param weights what came into force and the ledger does not have yet
     * @param closing whether no request can be opened or reported any more
     */
    record Snapshot(List<Account.Reading> paying, List<Account.Reading> unpaid,
            List<LaneSteps.Reading> lanes, List<InForce> weights, boolean closing) {

        /** Of all lanes. */
        LaneSteps.Reading steps() {
            return LaneSteps.Reading.together(lanes);
        }
    }

    /** @param weights of steps that nothing is learnt from */
    AccountBook(StepWeights weights) {
        this.weights = weights;
    }

    /** A rate begins; what requests in progress have used up to now is settled at those before. */
    void price(CostModel rate) {
        lock.lock();
        try {
            nanoUsdPerHour = rate.nanoUsdPerHour();
            for (Account account : open.values()) {
                price(account);
            }
        } finally {
            lock.unlock();
        }
    }

    private void price(Account account) {
        account.limit.price(nanoUsdPerHour, account.settled.nanoUsd(), account.settledNanos);
    }

    /** Adds an account, unless the limit is reached (false) or the id is taken (throws). */
    boolean open(Account account, int mostAccounts) {
        lock.lock();
        try {
            if (closing) {
                throw new IllegalStateException("the meter is closed");
            }
            if (open.size() + finished.size() >= mostAccounts) {
                return false;
            }
            if (open.putIfAbsent(account.request.requestId(), account) != null) {
                throw new IllegalArgumentException("request id " + account.request.requestId()
                        + " is already open; ids must be unique");
            }
            price(account);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Adds weights that learn from the steps of a lane. */
    void learn(LearntWeights model, int lane) {
        lock.lock();
        try {
            if (!learnt.contains(model)) {
                learnt.add(model);
            }
            while (lanes.size() <= lane) {
                lanes.add(new LaneSteps());
            }
        } finally {
            lock.unlock();
        }
    }

    /** Shares a step's time among its sequences. A few additions each; no I/O. */
    void record(StepRecord step) {
        lock.lock();
        try {
            record(step, weights, 0);
        } finally {
            lock.unlock();
        }
    }

    /** The same on a lane by the weights of its model, which learn from it then. */
    void record(StepRecord step, LearntWeights model, int lane) {
        lock.lock();
        try {
            record(step, model.weights(), lane);
            model.ran(step);
        } finally {
            lock.unlock();
        }
    }

    private void record(StepRecord step, StepWeights by, int lane) {
        List<StepShare> shares = step.shares();
        int count = shares.size();
        LaneSteps steps = lanes.get(lane);
        steps.toldNanos += step.deviceNanos();
        if (count == 0) {
            steps.unrecordedNanos += step.deviceNanos();
            return;
        }
        if (sequenceWeights.length < count) {
            sequenceWeights = new double[count * 2];
            sequenceNanos = new long[count * 2];
        }
        by.weigh(shares, sequenceWeights);
        sequences.apportion(step.deviceNanos(), sequenceWeights, count, sequenceNanos);
        for (int i = 0; i < count; i++) {
            split(shares.get(i), sequenceNanos[i], sequenceWeights[i], by);
            add(shares.get(i), steps, lane);
        }
    }

    private void add(StepShare share, LaneSteps steps, int lane) {
        Account account = open.get(share.requestId());
        steps.recomputeNanos += componentNanos[2];
        steps.rejectedNanos += componentNanos[3];
        if (account == null) {
            steps.unrecordedNanos += componentNanos[0] + componentNanos[1];
            return;
        }
        account.lane = lane;
        account.prefillNanos += componentNanos[0];
        account.decodeNanos += componentNanos[1];
        account.computedTokens += share.promptTokens();
        account.decodedTokens += share.decodeTokens();
        account.limit.used(account.prefillNanos + account.decodeNanos,
                componentNanos[0] + componentNanos[1], share.decodeTokens() > 0);
    }

    /**
     * Divides a sequence's time by what its tokens were; it is nearly always of one kind. Rejected
     * guesses are charged what they added to the step: the weights were read for the token beside
     * them anyway.
     */
    private void split(StepShare share, long nanos, double weight, StepWeights by) {
        boolean prompt = share.promptTokens() > 0;
        boolean recompute = share.recomputeTokens() > 0;
        if (share.rejectedTokens() > 0 || prompt && recompute
                || (prompt || recompute) && share.decodeTokens() > 0) {
            double added = by.added(share);
            long kept = share.tokens() - share.rejectedTokens();
            double perToken = kept == 0 ? 0 : Math.max(0, weight - added) / kept;
            componentWeights[0] = share.promptTokens() * perToken;
            componentWeights[1] = share.decodeTokens() * perToken;
            componentWeights[2] = share.recomputeTokens() * perToken;
            componentWeights[3] = added;
            components.apportion(nanos, componentWeights, COMPONENTS, componentNanos);
            return;
        }
        componentNanos[0] = prompt ? nanos : 0;
        componentNanos[1] = prompt || recompute ? 0 : nanos;
        componentNanos[2] = recompute ? nanos : 0;
        componentNanos[3] = 0;
    }

    /** Closes an account as the engine reports it; false if there is none of that id. */
    boolean finish(FinishedRequest request, long nowMillis) {
        return finish(request.requestId(), request.reason().name().toLowerCase(Locale.ROOT), null,
                request.usage(), nowMillis);
    }

    /** Closes an account that the engine knows nothing of; false if there is none of that id. */
    boolean refuse(String requestId, String reason, long nowMillis) {
        return finish(requestId, "refused", reason, NO_TOKENS, nowMillis);
    }

    private boolean finish(String requestId, String finishReason, String detail, TokenUsage usage,
            long nowMillis) {
        lock.lock();
        try {
            Account account = open.remove(requestId);
            if (account == null) {
                return false;
            }
            account.finishReason = finishReason;
            account.detail = detail;
            account.usage = usage;
            account.finishedMillis = nowMillis;
            account.finishedNanoTime = System.nanoTime();
            finished.add(account);
            work.signal();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Ends what is still open as interrupted and takes no more. */
    void close(long nowMillis) {
        lock.lock();
        try {
            for (Account account : List.copyOf(open.values())) {
                finish(account.request.requestId(), "interrupted", null,
                        new TokenUsage(Math.toIntExact(account.computedTokens), 0,
                                Math.toIntExact(account.decodedTokens)),
                        nowMillis);
            }
            closing = true;
            work.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until a request has finished, the book is closing or the time is over. */
    void awaitWork(long nanos) throws InterruptedException {
        lock.lock();
        try {
            long left = nanos;
            while (finished.isEmpty() && !closing && left > 0) {
                left = work.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    Snapshot snapshot(int mostPaying) {
        lock.lock();
        try {
            List<Account.Reading> paying = new ArrayList<>(Math.min(mostPaying, finished.size()));
            List<Account.Reading> unpaid = new ArrayList<>(open.size());
            for (Account account : finished) {
                (paying.size() < mostPaying ? paying : unpaid).add(account.read());
            }
            for (Account account : open.values()) {
                unpaid.add(account.read());
            }
            return new Snapshot(paying, unpaid, lanes.stream().map(LaneSteps::read).toList(),
                    learnt.stream().flatMap(model -> model.unsaved().stream()).toList(), closing);
        } finally {
            lock.unlock();
        }
    }

    /** The ledger has these weights. */
    void saved(List<InForce> weights) {
        if (weights.isEmpty()) {
            return;
        }
        lock.lock();
        try {
            learnt.forEach(model -> weights.forEach(model::saved));
        } finally {
            lock.unlock();
        }
    }

    /** Drops the oldest finished accounts: the ledger has them. */
    void paid(int accounts) {
        lock.lock();
        try {
            for (int i = 0; i < accounts; i++) {
                finished.remove();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Drops a finished account whose id the ledger has from before; its time stays on the books.
     */
    Account disown(String requestId) {
        lock.lock();
        try {
            Account account = finished.stream()
                    .filter(a -> a.request.requestId().equals(requestId)).findFirst().orElseThrow();
            finished.remove(account);
            lanes.get(account.lane).unrecordedNanos += account.prefillNanos + account.decodeNanos;
            return account;
        } finally {
            lock.unlock();
        }
    }

    /** Finished accounts that have waited for the ledger for so long. */
    List<Account> waitingLongerThan(long nanos) {
        long now = System.nanoTime();
        lock.lock();
        try {
            return finished.stream().filter(a -> now - a.finishedNanoTime > nanos).toList();
        } finally {
            lock.unlock();
        }
    }

    int openAccounts() {
        lock.lock();
        try {
            return open.size();
        } finally {
            lock.unlock();
        }
    }

    int unpaidAccounts() {
        lock.lock();
        try {
            return finished.size();
        } finally {
            lock.unlock();
        }
    }
}

package dev.millrace.engine;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;

/**
 * Who runs next: first those that were thrown out, oldest first; then the oldest sequence of the
 * fairness group that has the fewest running; among equals the oldest.
 *
 * <p>Nobody starves: while a group has something running, that ends within its token limit; once
 * it has nothing running, only older sequences go before its oldest.
 */
final class WaitingQueue {

    private final TreeSet<Sequence> preempted = new TreeSet<>(Scheduler.OLDEST_FIRST);
    private final Map<String, Group> groups = new LinkedHashMap<>();
    private int size;

    /** Sequences of one fairness group. */
    private static final class Group {
        private final Deque<Sequence> waiting = new ArrayDeque<>();
        private int running;
    }

    int size() {
        return size;
    }

    void add(Sequence sequence) {
        group(sequence).waiting.add(sequence);
        size++;
    }

    /** The one to run next, or null if nobody waits. */
    Sequence peek() {
        if (!preempted.isEmpty()) {
            return preempted.first();
        }
        Sequence next = null;
        int fewest = Integer.MAX_VALUE;
        for (Group group : groups.values()) {
            Sequence oldest = group.waiting.peek();
            if (oldest != null && (group.running < fewest || group.running == fewest
                    && Scheduler.OLDEST_FIRST.compare(oldest, next) < 0)) {
                next = oldest;
                fewest = group.running;
            }
        }
        return next;
    }

    /** Notes that a waiting sequence has begun to run. */
    void started(Sequence sequence) {
        if (remove(sequence)) {
            group(sequence).running++;
        }
    }

    /** Puts a running sequence back, ahead of those that never ran. */
    void thrownOut(Sequence sequence) {
        stopped(sequence);
        preempted.add(sequence);
        size++;
    }

    /** Notes that a running sequence runs no more. */
    void stopped(Sequence sequence) {
        Group group = group(sequence);
        group.running--;
        forgetIfUnused(sequence, group);
    }

    /** Takes a sequence out, if it waits. */
    boolean remove(Sequence sequence) {
        Group group = groups.get(sequence.request().fairnessGroup());
        boolean found = preempted.remove(sequence)
                || group != null && group.waiting.remove(sequence);
        if (found) {
            size--;
            if (group != null) {
                forgetIfUnused(sequence, group);
            }
        }
        return found;
    }

    private Group group(Sequence sequence) {
        return groups.computeIfAbsent(sequence.request().fairnessGroup(), key -> new Group());
    }

    private void forgetIfUnused(Sequence sequence, Group group) {
        if (group.waiting.isEmpty() && group.running == 0) {
            groups.remove(sequence.request().fairnessGroup());
        }
    }
}

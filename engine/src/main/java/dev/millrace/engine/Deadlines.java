package dev.millrace.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/** The requests that must end by some time, waiting or running. */
final class Deadlines {

    private final PriorityQueue<Sequence> next = new PriorityQueue<>(
            Comparator.comparingLong(Sequence::deadlineNanos));

    void add(Sequence sequence) {
        if (sequence.request().terms().limited()) {
            next.add(sequence);
        }
    }

    /** Takes out those whose time is over and that have not ended otherwise. */
    List<Sequence> passed(long nowNanos) {
        List<Sequence> late = new ArrayList<>();
        while (!next.isEmpty()
                && (next.peek().ended() || next.peek().deadlineNanos() <= nowNanos)) {
            Sequence sequence = next.remove();
            if (!sequence.ended()) {
                late.add(sequence);
            }
        }
        return late;
    }
}

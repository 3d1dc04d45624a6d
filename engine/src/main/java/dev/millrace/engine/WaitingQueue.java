package dev.millrace.engine;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Who runs next. The tier whose first sequence is first of all has its turn; in a tier those that
 * were thrown out go first, then the fairness group that has been served least, and in a group the
 * first. What comes first is told by {@link Scheduler#FIRST_TO_LAST}.
 *
 * <p>Nobody starves: a tier goes before another only for so long, as the other's sequences get
 * older than whatever comes; and a group that waits is served less and less in proportion.
 */
final class WaitingQueue {

    private final Map<ServiceTier, Tier> tiers = new EnumMap<>(ServiceTier.class);
    private final VirtualTokens served = new VirtualTokens();
    private int size;

    /** What waits in one tier. */
    private static final class Tier {

        private final TreeSet<Sequence> thrownOut = new TreeSet<>(Scheduler.FIRST_TO_LAST);
        private final Map<String, TreeSet<Sequence>> groups = new LinkedHashMap<>();

        /** The one that comes first, whatever its group has had; null if nobody waits. */
        Sequence first() {
            return Stream.concat(thrownOut.stream().limit(1), groups.values().stream()
                    .map(TreeSet::first)).min(Scheduler.FIRST_TO_LAST).orElse(null);
        }

        Sequence next(VirtualTokens served) {
            if (!thrownOut.isEmpty()) {
                return thrownOut.first();
            }
            Sequence next = null;
            long least = Long.MAX_VALUE;
            for (Map.Entry<String, TreeSet<Sequence>> group : groups.entrySet()) {
                Sequence first = group.getValue().first();
                long had = served.of(group.getKey());
                if (had < least
                        || had == least && Scheduler.FIRST_TO_LAST.compare(first, next) < 0) {
                    next = first;
                    least = had;
                }
            }
            return next;
        }

        boolean remove(Sequence sequence) {
            String key = sequence.request().fairnessGroup();
            TreeSet<Sequence> group = groups.get(key);
            boolean found = group != null && group.remove(sequence);
            if (found && group.isEmpty()) {
                groups.remove(key);
            }
            return found;
        }
    }

    WaitingQueue() {
        for (ServiceTier tier : ServiceTier.values()) {
            tiers.put(tier, new Tier());
        }
    }

    int size() {
        return size;
    }

    void add(Sequence sequence) {
        String group = sequence.request().fairnessGroup();
        tierOf(sequence).groups
                .computeIfAbsent(group, key -> new TreeSet<>(Scheduler.FIRST_TO_LAST))
                .add(sequence);
        served.joined(group);
        size++;
    }

    /** The one to run next, or null if nobody waits. */
    Sequence peek() {
        return tiers.values().stream().map(Tier::first).filter(Objects::nonNull)
                .min(Scheduler.FIRST_TO_LAST).map(first -> tierOf(first).next(served))
                .orElse(null);
    }

    /** Notes that a waiting sequence runs, with what it still has to compute. */
    void started(Sequence sequence) {
        if (tierOf(sequence).thrownOut.remove(sequence)) {
            size--;
        } else if (tierOf(sequence).remove(sequence)) {
            size--;
            served.started(sequence.request().fairnessGroup(), sequence.remainingTokens());
        }
    }

    /** Puts a running sequence back, ahead of those of its tier that never ran. */
    void thrownOut(Sequence sequence) {
        tierOf(sequence).thrownOut.add(sequence);
        size++;
    }

    /** Notes that a running sequence has got a token. */
    void generated(Sequence sequence) {
        served.generated(sequence.request().fairnessGroup());
    }

    /** Takes a sequence out, if it waits. */
    boolean remove(Sequence sequence) {
        boolean found = tierOf(sequence).thrownOut.remove(sequence);
        if (!found && tierOf(sequence).remove(sequence)) {
            served.left(sequence.request().fairnessGroup());
            found = true;
        }
        size -= found ? 1 : 0;
        return found;
    }

    private Tier tierOf(Sequence sequence) {
        return tiers.get(sequence.request().terms().tier());
    }
}

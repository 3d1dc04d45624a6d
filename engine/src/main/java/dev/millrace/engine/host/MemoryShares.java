package dev.millrace.engine.host;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.models.store.ByteCounts;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Divides the memory for models before any is loaded. If all of them fit beside each other, each
 * with a cache for one full context at least, they share what is left and all may stay. Otherwise
 * each gets what it would get alone, and they take turns.
 */
public final class MemoryShares {

    private MemoryShares() {}

    /**
     * What one model takes.
     *
     * @param fixedBytes      weights, buffers and adapters
     * @param leastCacheBytes a cache of one full context, less than which is useless
     * @param mostCacheBytes  a cache for all its sequences at full context
     * @param pinned          whether it never makes room for another
     */
    public record Need(String name, long fixedBytes, long leastCacheBytes, long mostCacheBytes,
            boolean pinned) {

        public Need {
            if (fixedBytes < 0 || leastCacheBytes < 0 || mostCacheBytes < leastCacheBytes) {
                throw new IllegalArgumentException("a model of " + fixedBytes
                        + " bytes with a cache of " + leastCacheBytes + " to " + mostCacheBytes);
            }
        }

        private long leastBytes() {
            return fixedBytes + leastCacheBytes;
        }

        private long mostBytes() {
            return fixedBytes + mostCacheBytes;
        }
    }

    /**
     * The bytes that each model may take, in the order of the models.
     *
     * @throws BackendException if one cannot run at all; says what it needs and what there is
     */
    public static long[] of(long budgetBytes, List<Need> needs) {
        needs.forEach(need -> require(need, budgetBytes, 0));
        long together = needs.stream().mapToLong(Need::leastBytes).sum();
        return together <= budgetBytes
                ? side(needs, budgetBytes - together)
                : turns(needs, budgetBytes);
    }

    /** All stay: the smallest wish for cache is granted first, the others share what it leaves. */
    private static long[] side(List<Need> needs, long leftBytes) {
        long[] shares = new long[needs.size()];
        int[] modest = IntStream.range(0, needs.size()).boxed()
                .sorted(Comparator.comparingLong(i -> wish(needs.get(i))))
                .mapToInt(Integer::intValue).toArray();
        long left = leftBytes;
        for (int i = 0; i < modest.length; i++) {
            Need need = needs.get(modest[i]);
            long granted = Math.min(wish(need), left / (modest.length - i));
            shares[modest[i]] = need.leastBytes() + granted;
            left -= granted;
        }
        return shares;
    }

    private static long wish(Need need) {
        return need.mostCacheBytes() - need.leastCacheBytes();
    }

    /** The pinned ones leave room for the largest of the others; of those one may be alone. */
    private static long[] turns(List<Need> needs, long budgetBytes) {
        long others = needs.stream().filter(need -> !need.pinned()).mapToLong(Need::leastBytes)
                .max().orElse(0);
        List<Need> pinned = needs.stream().filter(Need::pinned).toList();
        long pinnedLeast = pinned.stream().mapToLong(Need::leastBytes).sum();
        needs.stream().filter(need -> !need.pinned())
                .forEach(need -> require(need, budgetBytes, pinnedLeast));
        if (pinnedLeast + others > budgetBytes) {
            throw new BackendException("models with adapters stay loaded, and together they take "
                    + ByteCounts.text(pinnedLeast) + " at least, but the memory limit is "
                    + ByteCounts.text(budgetBytes) + "; " + ADVICE);
        }
        long[] ofPinned = side(pinned, budgetBytes - others - pinnedLeast);
        long rest = budgetBytes - Arrays.stream(ofPinned).sum();
        long[] shares = new long[needs.size()];
        int next = 0;
        for (int i = 0; i < shares.length; i++) {
            Need need = needs.get(i);
            shares[i] = need.pinned() ? ofPinned[next++] : Math.min(need.mostBytes(), rest);
        }
        return shares;
    }

    private static final String ADVICE = "raise --memory, lower --context or take a model of"
            + " fewer bits";

    private static void require(Need need, long budgetBytes, long pinnedBytes) {
        if (need.leastBytes() > budgetBytes - pinnedBytes) {
            throw new BackendException(need.name() + " needs "
                    + ByteCounts.text(need.leastBytes()) + " (" + ByteCounts.text(need.fixedBytes())
                    + " weights and buffers, " + ByteCounts.text(need.leastCacheBytes())
                    + " cache of one full context), but the memory limit is "
                    + ByteCounts.text(budgetBytes) + (pinnedBytes == 0
                            ? ""
                            : ", of which models with adapters, which stay loaded, take "
                                    + ByteCounts.text(pinnedBytes))
                    + "; " + ADVICE);
        }
    }
}

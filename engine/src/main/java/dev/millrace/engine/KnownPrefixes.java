package dev.millrace.engine;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which beginnings of texts a cache has, for threads that are not the cache's own: a hash for each
 * block of a beginning, of all tokens up to its end, its adapter and its cache salt. It is a hint:
 * what it says may have changed a moment later, and two beginnings may have one hash. Who gets a
 * block is decided by the {@link PrefixIndex}, which compares tokens.
 */
final class KnownPrefixes {

    private static final long MULTIPLIER = 0x9E3779B97F4A7C15L; // 2^64 over the golden ratio
    private static final int SHIFT = 29;

    private final int blockTokens;
    private final Set<Long> ends = ConcurrentHashMap.newKeySet();

    KnownPrefixes(int blockTokens) {
        this.blockTokens = blockTokens;
    }

    /** The hash of a beginning without tokens. */
    static long none(int adapterSlot, String cacheSalt) {
        return mix(adapterSlot, cacheSalt.hashCode());
    }

    /** The hash of a beginning and the tokens of one more block. */
    long after(long beginning, int[] tokens, int from) {
        long hash = beginning;
        for (int i = from; i < from + blockTokens; i++) {
            hash = mix(hash, tokens[i]);
        }
        return hash;
    }

    private static long mix(long hash, int value) {
        long mixed = (hash ^ value) * MULTIPLIER;
        return mixed ^ mixed >>> SHIFT;
    }

    void add(long beginning) {
        ends.add(beginning);
    }

    void remove(long beginning) {
        ends.remove(beginning);
    }

    /** How many tokens of a prompt are known, whole blocks of them. */
    int tokens(GenerationRequest request) {
        int[] prompt = request.prompt();
        long hash = none(request.adapterSlot(), request.cacheSalt());
        int known = 0;
        while (known + blockTokens <= prompt.length) {
            hash = after(hash, prompt, known);
            if (!ends.contains(hash)) {
                return known;
            }
            known += blockTokens;
        }
        return known;
    }
}

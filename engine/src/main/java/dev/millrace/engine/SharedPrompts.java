package dev.millrace.engine;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Computes a prompt once however many requests bring it at a time, as all choices of one request
 * do: the first that runs leads, the others are held back until the prompt is in the cache and then
 * begin there.
 *
 * <p>Nobody waits for ever: whoever leads runs, and when it ends or is thrown out those that it
 * held back go on without it.
 */
final class SharedPrompts {

    private final Map<Prompt, Family> families = new HashMap<>();
    private final Map<Sequence, Family> members = new HashMap<>(); // that ran or are held back
    private int held;

    /** What must be equal for a cache to be shared. Adapter and salt are compared first. */
    private record Prompt(int adapterSlot, String cacheSalt, int hash, int[] tokens) {

        static Prompt of(Sequence sequence) {
            GenerationRequest request = sequence.request();
            return new Prompt(request.adapterSlot(), request.cacheSalt(),
                    sequence.promptHash(), request.prompt());
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Prompt prompt && adapterSlot == prompt.adapterSlot
                    && cacheSalt.equals(prompt.cacheSalt) && Arrays.equals(tokens, prompt.tokens);
        }
    }

    /** Those that have the same prompt. */
    private static final class Family {

        private final Prompt prompt;
        private final Sequence leader;
        private final Set<Sequence> held = new LinkedHashSet<>();

        Family(Prompt prompt, Sequence leader) {
            this.prompt = prompt;
            this.leader = leader;
        }
    }

    /** Sequences that are held back. */
    int held() {
        return held;
    }

    /** Who else runs, or ran until it was thrown out, with this sequence's prompt; or null. */
    Sequence leader(Sequence sequence) {
        Family family = families.get(Prompt.of(sequence));
        return family == null || family.leader == sequence ? null : family.leader;
    }

    /** Holds a sequence back until its leader's prompt is in the cache. */
    void hold(Sequence sequence) {
        Family family = families.get(Prompt.of(sequence));
        family.held.add(sequence);
        members.put(sequence, family);
        held++;
    }

    /** Notes that a sequence runs, and leads if nobody else does. */
    void started(Sequence sequence) {
        if (!members.containsKey(sequence)) {
            members.put(sequence, families.computeIfAbsent(Prompt.of(sequence),
                    prompt -> new Family(prompt, sequence)));
        }
    }

    /**
     * Notes that a running sequence has its prompt in the cache, or is thrown out before that.
     *
     * @return whom it held back
     */
    List<Sequence> release(Sequence sequence) {
        Family family = members.get(sequence);
        return family.leader == sequence ? release(family) : List.of();
    }

    /** Notes that a sequence has ended, wherever it was. @return whom it held back */
    List<Sequence> ended(Sequence sequence) {
        Family family = members.remove(sequence);
        if (family == null) {
            return List.of();
        }
        if (family.leader == sequence) {
            families.remove(family.prompt);
            return release(family);
        }
        if (family.held.remove(sequence)) {
            held--;
        }
        return List.of();
    }

    private List<Sequence> release(Family family) {
        if (family.held.isEmpty()) {
            return List.of();
        }
        List<Sequence> released = List.copyOf(family.held);
        family.held.clear();
        held -= released.size();
        released.forEach(members::remove);
        return released;
    }
}

package dev.millrace.engine;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What each fairness group has been served, so that whoever got least goes next: prompt tokens
 * count one, generated ones two. A group that comes back after a while gets no credit for the time
 * that it was away. After Sheng et al., "Fairness in Serving Large Language Models" (OSDI 2024).
 */
final class VirtualTokens {

    /** What a generated token counts, in prompt tokens. */
    static final int GENERATED_TOKEN = 2;
    /** Groups to remember: who was not seen for longest is forgotten, and comes back like new. */
    private static final int MOST_GROUPS = 4096;

    private final Map<String, Integer> waiting = new HashMap<>(); // requests by group
    private long latest; // what the group had that went last
    private final Map<String, Long> served = new LinkedHashMap<>(16, 0.75f, true) {

        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > MOST_GROUPS;
        }
    };

    /** A request of the group waits. */
    void joined(String group) {
        if (waiting.merge(group, 1, Integer::sum) == 1) {
            long least = waiting.keySet().stream().filter(other -> !other.equals(group))
                    .mapToLong(this::of).min().orElse(latest);
            served.merge(group, least, Math::max);
        }
    }

    /** A request of the group waits no longer, and was not served. */
    void left(String group) {
        waiting.computeIfPresent(group, (key, count) -> count == 1 ? null : count - 1);
    }

    /** A request of the group begins to be served. */
    void started(String group, int promptTokens) {
        latest = Math.max(latest, of(group));
        left(group);
        add(group, promptTokens);
    }

    void generated(String group) {
        add(group, GENERATED_TOKEN);
    }

    private void add(String group, int tokens) {
        served.merge(group, (long) tokens, Long::sum);
    }

    /** What the group has been served. */
    long of(String group) {
        return served.getOrDefault(group, 0L);
    }
}

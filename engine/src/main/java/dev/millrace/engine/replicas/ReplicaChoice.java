package dev.millrace.engine.replicas;

import dev.millrace.engine.EngineLoad;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.Replica;
import dev.millrace.engine.forward.SequenceRow;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * In which order to ask replicas to take a request. What a request costs a replica is counted in
 * prompt tokens:
 *
 * <pre>
 * cost = tokens of its own prompt that the replica has not cached
 *      + tokens of other prompts that are to be computed there first
 *      + {@value #REQUEST_TOKENS} for each request that runs or waits there
 * </pre>
 *
 * without those that wait in a worse tier, which it overtakes. The least cost is first; of equal
 * ones the next in turn. So a conversation stays where its beginning is until that replica has one
 * request more than another for every {@value #REQUEST_TOKENS} tokens of the beginning. But choices
 * of one request go where the first of them runs, which computes their prompt for all.
 */
final class ReplicaChoice {

    /** What a request that is answered beside a new one counts as, in tokens of prompts. */
    static final int REQUEST_TOKENS = 256;

    private final List<? extends Replica> replicas;
    private int turn;

    ReplicaChoice(List<? extends Replica> replicas) {
        this.replicas = replicas;
    }

    /** A place among the replicas, and what the request costs there. */
    private record Candidate(int place, long cost) {}

    /**
     * The replicas that could take a request, the best first.
     *
     * @param slots the request's adapter by replica, where it has one; null where it has none
     */
    List<Integer> order(GenerationRequest request, int[] slots) {
        List<Candidate> candidates = new ArrayList<>();
        for (int i = 0; i < replicas.size(); i++) {
            int place = (turn + i) % replicas.size();
            Replica replica = replicas.get(place);
            boolean adapted = slots == null || slots[place] != SequenceRow.NO_ADAPTER;
            if (adapted && replica.failure().isEmpty()) {
                candidates.add(new Candidate(place, cost(replica, slots == null
                        ? request
                        : request.withAdapter(slots[place]))));
            }
        }
        turn = (turn + 1) % replicas.size();
        candidates.sort(Comparator.comparingLong(Candidate::cost));
        return candidates.stream().map(Candidate::place).toList();
    }

    private static long cost(Replica replica, GenerationRequest request) {
        if (replica.hasPrompt(request.prompt())) {
            return -1;
        }
        EngineLoad load = replica.load(request.terms().tier());
        long missing = request.prompt().length - (long) replica.cachedTokens(request);
        return missing + load.promptTokens() + (long) REQUEST_TOKENS * load.requests();
    }
}

package dev.millrace.engine.constrain;

/** What compiling one constraint may still take. */
final class CompilingBudget {

    private long nfaStates;
    private long states;
    private long steps;

    /** @throws GrammarException if the constraint has too many */
    void takeNfaStates(long count) {
        nfaStates += count;
        GrammarLimits.require(nfaStates, GrammarLimits.NFA_STATES,
                "characters, repetitions counted out");
    }

    /** @throws GrammarException if the constraint has too many */
    void takeState() {
        GrammarLimits.require(++states, GrammarLimits.STATES, "states");
    }

    /** @throws GrammarException if the constraint takes too long */
    void takeSteps(long count) {
        steps += count;
        GrammarLimits.require(steps, GrammarLimits.DETERMINISING_STEPS,
                "steps to make it deterministic");
    }
}

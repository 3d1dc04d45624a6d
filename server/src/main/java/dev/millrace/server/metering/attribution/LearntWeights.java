package dev.millrace.server.metering.attribution;

import dev.millrace.engine.StepRecord;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The weights of one model's steps, learnt from the steps themselves: from time to time, and where
 * it makes a difference, those that fit best are in force from the next step on. What was shared
 * stays as it was. Not thread-safe.
 */
public final class LearntWeights {

    /** From here on they are looked at after as many more steps; before, at powers of two. */
    private static final int STEPS = 4_096;
    private static final int FIRST_STEPS = 4;
    /** So much of the steps must go elsewhere for new weights to be worth a row. */
    private static final double NOTABLE = 0.01;
    /** If so many sets wait for the ledger, the last one stays. */
    private static final int MOST_UNSAVED = 64;

    private final String model;
    private final String device;
    private final boolean drafts;
    private final StepFit fit;
    private final ArrayDeque<InForce> unsaved = new ArrayDeque<>();
    private InForce inForce;

    /**
     * Weights that steps are shared by from some moment on.
     *
     * @param device   what the model runs on
     * @param drafts   whether they are of the steps of a draft model beside it
     * @param revision 0 for those that the session began with
     * @param steps    of this session that they are learnt from
     */
    public record InForce(String model, String device, boolean drafts, int revision, long steps,
            StepWeights weights) {}

    /**
     * Begins with what is known.
     *
     * @param learnt whether the first weights were learnt on this device, earlier
     */
    public LearntWeights(String model, String device, boolean drafts, StepWeights first,
            boolean learnt) {
        this.model = model;
        this.device = device;
        this.drafts = drafts;
        this.fit = new StepFit(first, learnt);
        begin(new InForce(model, device, drafts, 0, 0, exact(first)));
    }

    /** What to share the next step by. */
    public StepWeights weights() {
        return inForce.weights();
    }

    /** Learns from a step that has been shared. */
    public void ran(StepRecord step) {
        long before = fit.steps();
        fit.add(step);
        if (fit.steps() > before && due(fit.steps()) && unsaved.size() < MOST_UNSAVED) {
            StepWeights solved = exact(fit.solve());
            if (fit.moved(inForce.weights(), solved) > NOTABLE) {
                begin(new InForce(model, device, drafts, inForce.revision() + 1, fit.steps(),
                        solved));
            }
        }
    }

    private static boolean due(long steps) {
        return steps >= STEPS
                ? steps % STEPS == 0
                : steps >= FIRST_STEPS && Long.bitCount(steps) == 1;
    }

    private void begin(InForce next) {
        inForce = next;
        unsaved.add(next);
    }

    /** As the ledger keeps them, so that a step can be shared again by what it says. */
    private static StepWeights exact(StepWeights weights) {
        return StepWeights.ofFemtos(weights.femtos());
    }

    /** Those that the ledger does not have yet, oldest first. */
    public List<InForce> unsaved() {
        return new ArrayList<>(unsaved);
    }

    /** The ledger has these, if they are of these steps. */
    public void saved(InForce weights) {
        unsaved.remove(weights);
    }
}

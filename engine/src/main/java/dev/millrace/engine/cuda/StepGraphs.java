package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaMemoryException;
import dev.millrace.kernels.cuda.RecordedStep;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;

/** Steps that were captured, by their shape: each is launched with one call from then on. */
final class StepGraphs {

    private static final Logger LOG = System.getLogger(StepGraphs.class.getName());

    private final StepWalk walk;
    private final List<StepInputs> inputs; // (devices)
    private final Runnable queueing;
    private final IntPredicate firstAlone;
    private final Set<StepShape> seen = new HashSet<>();
    private final Map<StepShape, Optional<RecordedStep>> graphs = new HashMap<>();

    /**
     * @param queueing   queues a step of the inputs' shape, from the copy of its inputs on
     * @param firstAlone of so many tokens: whether the first step of a shape is not captured
     */
    StepGraphs(StepWalk walk, List<StepInputs> inputs, Runnable queueing,
            IntPredicate firstAlone) {
        this.firstAlone = firstAlone;
        this.walk = walk;
        this.inputs = List.copyOf(inputs);
        this.queueing = queueing;
    }

    /** Captures steps that nobody asked for yet. */
    void prepare(List<StepShape> shapes) {
        for (StepShape shape : shapes) {
            if (!firstAlone.test(shape.tokens())) {
                inputs.forEach(each -> each.shape(shape));
                graphs.computeIfAbsent(shape, this::capture);
            }
        }
    }

    /** Queues the step that the inputs hold. */
    void launch() {
        StepShape shape = inputs.getFirst().shape();
        if (firstAlone.test(shape.tokens()) && seen.add(shape)) {
            queueing.run(); // a library may load kernels now, which it may not while it is recorded
            return;
        }
        graphs.computeIfAbsent(shape, this::capture).ifPresentOrElse(RecordedStep::launch,
                queueing);
    }

    /** Where no memory is left for it, kernels are launched one by one. */
    private Optional<RecordedStep> capture(StepShape shape) {
        try {
            return Optional.of(walk.capture(queueing));
        } catch (CudaMemoryException e) {
            LOG.log(Level.WARNING, "{0}; those of {1} tokens are launched kernel by kernel, which"
                    + " takes longer", e.getMessage(), shape.tokens());
            return Optional.empty();
        }
    }
}

package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaMemoryException;
import dev.millrace.kernels.cuda.RecordedStep;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Steps that were captured, by their shape: each is launched with one call from then on. */
final class StepGraphs {

    private static final Logger LOG = System.getLogger(StepGraphs.class.getName());

    private final StepWalk walk;
    private final List<StepInputs> inputs; // (devices)
    private final Runnable queueing;
    private final Map<StepShape, Optional<RecordedStep>> graphs = new HashMap<>();

    /** @param queueing queues a step of the inputs' shape, from the copy of its inputs on */
    StepGraphs(StepWalk walk, List<StepInputs> inputs, Runnable queueing) {
        this.walk = walk;
        this.inputs = List.copyOf(inputs);
        this.queueing = queueing;
    }

    /** Captures steps that nobody asked for yet. */
    void prepare(List<StepShape> shapes) {
        for (StepShape shape : shapes) {
            inputs.forEach(each -> each.shape(shape));
            graphs.computeIfAbsent(shape, this::capture);
        }
    }

    /** Queues the step that the inputs hold. */
    void launch() {
        graphs.computeIfAbsent(inputs.getFirst().shape(), this::capture)
                .ifPresentOrElse(RecordedStep::launch, queueing);
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

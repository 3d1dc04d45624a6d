package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaGraph;
import dev.millrace.kernels.cuda.CudaMemoryException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Steps that were captured, by their shape: each is launched with one call from then on. */
final class StepGraphs {

    private static final Logger LOG = System.getLogger(StepGraphs.class.getName());

    private final CudaDevice device;
    private final StepInputs inputs;
    private final Runnable queueing;
    private final Map<StepShape, Optional<CudaGraph>> graphs = new HashMap<>();

    /** @param queueing queues a step of the inputs' shape, from the copy of its inputs on */
    StepGraphs(CudaDevice device, StepInputs inputs, Runnable queueing) {
        this.device = device;
        this.inputs = inputs;
        this.queueing = queueing;
    }

    /** Captures steps that nobody asked for yet. */
    void prepare(List<StepShape> shapes) {
        for (StepShape shape : shapes) {
            inputs.shape(shape);
            graphs.computeIfAbsent(shape, this::capture);
        }
    }

    /** Queues the step that the inputs hold. */
    void launch() {
        graphs.computeIfAbsent(inputs.shape(), this::capture)
                .ifPresentOrElse(CudaGraph::launch, queueing);
    }

    /** Where no memory is left for it, kernels are launched one by one. */
    private Optional<CudaGraph> capture(StepShape shape) {
        try {
            return Optional.of(device.capture(queueing));
        } catch (CudaMemoryException e) {
            LOG.log(Level.WARNING, "{0}; those of {1} tokens are launched kernel by kernel, which"
                    + " takes longer", e.getMessage(), shape.tokens());
            return Optional.empty();
        }
    }
}

package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.RecordedStep;

/** How the device of a forward pass, or all that share its model, take a step. */
interface StepWalk {

    /** Queues the step that the inputs of all devices hold, up to the last layer. */
    void run();

    /**
     * Records what is queued meanwhile, for all devices.
     *
     * @throws dev.millrace.kernels.cuda.CudaMemoryException if a device has no memory left for it
     */
    RecordedStep capture(Runnable queueing);

    /** Gives up what is between devices, once they have done what they can. */
    void close();
}

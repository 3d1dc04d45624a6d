package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.RecordedStep;

/** One device by itself. */
record SingleWalk(PlacedModel placed) implements StepWalk {

    @Override
    public void run() {
        placed.transformer().run();
    }

    @Override
    public RecordedStep capture(Runnable queueing) {
        return placed.device().capture(queueing);
    }

    @Override
    public void close() {
        // There is nothing between devices.
    }
}

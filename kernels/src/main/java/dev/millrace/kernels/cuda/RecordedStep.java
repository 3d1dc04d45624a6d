package dev.millrace.kernels.cuda;

/** Work of a device, or of all devices of a group, that was recorded and is queued as a whole. */
public interface RecordedStep {

    /** Queues all that was recorded, in its order. */
    void launch();
}

package dev.millrace.kernels.cuda;

/**
 * NVIDIA's management library refused, or answered what cannot be; says which call and in its own
 * words why.
 */
public final class NvmlException extends RuntimeException {

    private static final long serialVersionUID = 1;
    private static final int NOT_SUPPORTED = 3;

    private final int error;

    /** What was answered makes no sense. */
    public NvmlException(String message) {
        this(message, 0);
    }

    NvmlException(String message, int error) {
        super(message);
        this.error = error;
    }

    /** Whether the device never tells what was asked for, rather than not now. */
    public boolean isUnsupported() {
        return error == NOT_SUPPORTED;
    }
}

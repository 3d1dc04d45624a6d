package dev.millrace.kernels.cuda;

/** NVIDIA's management library refused; says which call and in its own words why. */
public final class NvmlException extends RuntimeException {

    private static final long serialVersionUID = 1;
    private static final int NOT_SUPPORTED = 3;

    private final int error;

    NvmlException(String message, int error) {
        super(message);
        this.error = error;
    }

    /** Whether the device never tells what was asked for, rather than not now. */
    public boolean isUnsupported() {
        return error == NOT_SUPPORTED;
    }
}

package dev.millrace.kernels;

/** Kernels that this machine or process cannot run; the message says what to do instead. */
public final class KernelException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public KernelException(String message) {
        super(message);
    }

    public KernelException(String message, Throwable cause) {
        super(message, cause);
    }
}

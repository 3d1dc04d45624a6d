package dev.millrace.kernels.cuda;

/**
 * The device has had an error after which it answers everything with an error, until the process
 * has ended; the message says which and what to do.
 */
public final class CudaLostException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    CudaLostException(String message) {
        super(message);
    }
}

package dev.millrace.kernels.cuda;

/** The device has less memory left than was asked for; the message has both numbers. */
public final class CudaMemoryException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    CudaMemoryException(String message) {
        super(message);
    }
}

package dev.millrace.kernels.quantize;

/** Weights that a format cannot hold: not finite, or too large. */
public final class QuantizationException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public QuantizationException(String message) {
        super(message);
    }
}

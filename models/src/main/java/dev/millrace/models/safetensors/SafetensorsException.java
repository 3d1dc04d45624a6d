package dev.millrace.models.safetensors;

/** A checkpoint that is not sound, or that is kept in a way that is not read; names the file. */
public final class SafetensorsException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    SafetensorsException(String message) {
        super(message);
    }

    SafetensorsException(String message, Throwable cause) {
        super(message, cause);
    }
}

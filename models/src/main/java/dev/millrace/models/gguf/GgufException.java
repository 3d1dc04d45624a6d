package dev.millrace.models.gguf;

/** A file that is not sound GGUF, or that lacks what is asked of it; the message names the file. */
public final class GgufException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    GgufException(String message) {
        super(message);
    }

    GgufException(String message, Throwable cause) {
        super(message, cause);
    }
}

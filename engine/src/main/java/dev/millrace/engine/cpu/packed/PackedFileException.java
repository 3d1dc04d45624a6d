package dev.millrace.engine.cpu.packed;

/** A file of packed weights that cannot be used; says why. */
final class PackedFileException extends Exception {

    private static final long serialVersionUID = 1;

    PackedFileException(String message) {
        super(message);
    }

    PackedFileException(String message, Throwable cause) {
        super(message, cause);
    }
}

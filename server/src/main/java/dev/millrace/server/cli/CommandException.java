package dev.millrace.server.cli;

/** A command that cannot do what it was asked to; the message tells the user what to do. */
public final class CommandException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public CommandException(String message) {
        super(message);
    }

    public CommandException(String message, Throwable cause) {
        super(message, cause);
    }
}

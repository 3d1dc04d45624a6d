package dev.millrace.engine;

/** A request's adapter went between the request's reading and its submission. */
public final class UnloadedAdapterException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public UnloadedAdapterException(int slot) {
        super("no adapter is loaded in slot " + slot + "; it may have been unloaded");
    }
}

package dev.millrace.engine;

/** Why a generation ended. */
public enum FinishReason {
    /** The model ended its text, or a stop sequence or stop token appeared. */
    STOP,
    /** The token limit or the context was reached. */
    LENGTH,
    /** The caller cancelled, or vanished. */
    CANCELLED,
    /** The request's time was over. */
    DEADLINE,
    /** This request alone went wrong; its event says how. */
    FAILED
}

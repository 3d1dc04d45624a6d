package dev.millrace.server.dialogue;

/** Where a prompt leaves a model that can think. */
public enum ThinkingStart {

    /** Thinking, because the prompt has opened a thought. */
    OPENED,
    /** Free to open a thought first. */
    FREE,
    /** Past its thoughts, because the prompt has closed them or the model has none. */
    CLOSED
}

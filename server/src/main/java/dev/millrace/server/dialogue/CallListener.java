package dev.millrace.server.dialogue;

/** Told what is certain of one call while it is read. */
interface CallListener {

    /** Which tool is called. */
    void begun(String name);

    /** A character of the arguments' JSON object. */
    void argument(char character);
}

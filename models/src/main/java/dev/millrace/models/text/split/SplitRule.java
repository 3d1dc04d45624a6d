package dev.millrace.models.text.split;

/**
 * Cuts a text into pieces that are encoded one by one. Every rule takes time linear in the length
 * of the text, whatever the text is.
 */
public interface SplitRule {

    /**
     * Where the piece that begins at {@code from} ends.
     *
     * @param text  well-formed UTF-8
     * @param limit end of the text; nothing beyond is looked at
     * @return more than {@code from} and at most {@code limit}, between two characters
     */
    int end(byte[] text, int from, int limit);

    /** Whether the piece is encoded; false for what the rule cuts out. */
    default boolean keeps(byte[] text, int from, int to) {
        return true;
    }
}

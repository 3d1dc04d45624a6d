package dev.millrace.models.text;

/** Turns one piece of text, as the split rules cut it, into tokens; safe to share. */
public interface WordModel {

    /** An encoder with scratch memory of its own, for one thread. */
    Encoder encoder(TokenBuffer out);

    /** Appends the tokens of pieces to a buffer. */
    interface Encoder {

        /**
         * Encodes one piece, in time at most O(n log n).
         *
         * @param text well-formed UTF-8
         */
        void encode(byte[] text, int from, int to);
    }
}

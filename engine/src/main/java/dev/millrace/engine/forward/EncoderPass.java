package dev.millrace.engine.forward;

import java.util.List;

/**
 * One encoder on one device: texts in, a vector each out, nothing kept in between. Not thread-safe.
 */
public interface EncoderPass extends AutoCloseable {

    /**
     * Encodes texts. A text's vector is the same bits whatever other texts come along.
     *
     * @param texts token ids, those at the start and the end included that the model wants; each
     *              from one token to the model's context
     * @return a vector for each text, as the model pools it
     * @throws IllegalArgumentException for a text that is empty or too long, or a token that is not
     *                                  in the vocabulary; nothing has run then
     */
    float[][] encode(List<int[]> texts);

    @Override
    void close();
}

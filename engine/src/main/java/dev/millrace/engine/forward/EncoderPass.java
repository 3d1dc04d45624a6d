package dev.millrace.engine.forward;

import dev.millrace.models.text.EncoderInput;
import java.util.List;

/**
 * One encoder on one device: texts in, a vector or a score each out, nothing kept in between. Not
 * thread-safe.
 */
public interface EncoderPass extends AutoCloseable {

    /**
     * Encodes texts. A text's vector is the same bits whatever other texts come along.
     *
     * @param texts token ids, those at the start and the end included that the model wants; each
     *              from one token to the model's context
     * @return what the model makes of each text: a vector as it pools it, or the one element of a
     *         score
     * @throws IllegalArgumentException for a text that is empty or too long, or a token that is not
     *                                  in the vocabulary; nothing has run then
     */
    float[][] encode(List<EncoderInput> texts);

    @Override
    void close();
}

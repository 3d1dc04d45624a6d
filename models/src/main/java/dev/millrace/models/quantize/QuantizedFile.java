package dev.millrace.models.quantize;

import dev.millrace.models.ModelException;
import dev.millrace.models.gguf.GgufTensorType;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.Map;
import java.util.function.LongConsumer;

/** A GGUF file that is declared, but not yet written: nothing is quantised before it is. */
public interface QuantizedFile {

    /** How many tensors there are of each type. */
    Map<GgufTensorType, Integer> typeCounts();

    /** Size of the file. */
    long totalBytes();

    /**
     * Writes the file, once.
     *
     * @param listener is told how many bytes of weights are done
     * @throws ModelException if a weight cannot be quantised
     */
    void write(WritableByteChannel channel, LongConsumer listener) throws IOException;
}

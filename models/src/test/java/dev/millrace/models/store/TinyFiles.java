package dev.millrace.models.store;

import dev.millrace.models.fixtures.GgufWriter;
import dev.millrace.models.fixtures.SafetensorsWriter;
import dev.millrace.models.gguf.GgufTensorType;
import java.util.Random;

/** Sound model files of any size, for stores that look at what they take in. */
final class TinyFiles {

    private TinyFiles() {}

    /** A GGUF file with one tensor of random bytes. */
    static byte[] gguf(long seed, int dataBytes) {
        byte[] data = new byte[dataBytes / 4 * 4];
        new Random(seed).nextBytes(data);
        return new GgufWriter().string("general.architecture", "llama")
                .tensor("w", GgufTensorType.F32, data, data.length / 4).toBytes();
    }

    /** A safetensors file with one tensor of random bytes. */
    static byte[] safetensors(String tensor, long seed, int dataBytes) {
        byte[] data = new byte[dataBytes / 4 * 4];
        new Random(seed).nextBytes(data);
        return new SafetensorsWriter().tensor(tensor, "F32", data, data.length / 4).toBytes();
    }
}

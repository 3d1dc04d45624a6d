package dev.millrace.models.quantize;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.ModelException;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufTensor;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/**
 * How much each column of a weight counts: the mean square of what was multiplied by it when a text
 * was read, as llama.cpp's {@code llama-imatrix} records it, in its GGUF form or the older one.
 */
public final class ImportanceMatrix {

    private static final int GGUF_MAGIC = 0x46554747;
    private static final String SUMS_SUFFIX = ".in_sum2";
    private static final String COUNTS_SUFFIX = ".counts";
    private static final int MOST_ENTRIES = 1 << 17;

    private final Map<String, float[]> byTensor = new HashMap<>();

    private ImportanceMatrix() {}

    /** @throws ModelException if there is no such file, or it is neither of the forms */
    public static ImportanceMatrix read(Path path) {
        ImportanceMatrix matrix = new ImportanceMatrix();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            if (channel.size() > Integer.MAX_VALUE) {
                throw damaged(path, "it has " + channel.size() + " bytes");
            }
            ByteBuffer file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size())
                    .order(ByteOrder.LITTLE_ENDIAN);
            if (file.remaining() >= 4 && file.getInt(0) == GGUF_MAGIC) {
                matrix.readGguf(path);
            } else {
                matrix.readEntries(file, path);
            }
        } catch (IOException e) {
            throw new ModelException("cannot read the importance matrix " + path + ": "
                    + e.getMessage(), e);
        } catch (GgufException e) {
            throw new ModelException(e.getMessage(), e);
        }
        if (matrix.byTensor.isEmpty()) {
            throw damaged(path, "it has no entries");
        }
        return matrix;
    }

    /** Importance by column, plane after plane where the entry tells planes apart; or null. */
    public float[] find(String tensorName) {
        return byTensor.get(tensorName);
    }

    /** How many tensors there is something about. */
    public int size() {
        return byTensor.size();
    }

    private void readGguf(Path path) {
        try (GgufFile file = GgufFile.open(path)) {
            for (GgufTensor sums : file.tensors()) {
                if (sums.name().endsWith(SUMS_SUFFIX)) {
                    String name = sums.name().substring(0,
                            sums.name().length() - SUMS_SUFFIX.length());
                    GgufTensor counts = file.find(name + COUNTS_SUFFIX).orElseThrow(
                            () -> damaged(path, name + " has sums but no counts"));
                    byTensor.put(name, means(path, floats(file, path, sums),
                            floats(file, path, counts)));
                }
            }
        }
    }

    private static float[] floats(GgufFile file, Path path, GgufTensor tensor) {
        if (tensor.bytes() > Integer.MAX_VALUE) {
            throw damaged(path, tensor.name() + " has " + tensor.bytes() + " bytes");
        }
        var format = tensor.type().format()
                .orElseThrow(() -> damaged(path, tensor.name() + " is " + tensor.type()));
        float[] values = new float[(int) tensor.elements()];
        new Dequantizer(format).dequantize(QuantTensor.of(format, tensor.shape(),
                file.blocks(tensor)), 0, values.length, values, 0);
        return values;
    }

    /** An expert that never ran says nothing, so all its columns count alike. */
    private static float[] means(Path path, float[] sums, float[] counts) {
        if (sums.length % counts.length != 0) {
            throw damaged(path, sums.length + " sums do not belong to " + counts.length
                    + " counts");
        }
        int columns = sums.length / counts.length;
        float[] means = new float[sums.length];
        for (int i = 0; i < sums.length; i++) {
            float count = counts[i / columns];
            means[i] = count > 0 ? checked(path, sums[i] / count) : 1;
        }
        return means;
    }

    /** A count; then for each entry a name, how often it was called, and that times the means. */
    private void readEntries(ByteBuffer file, Path path) {
        try {
            int entries = file.getInt();
            if (entries < 1 || entries > MOST_ENTRIES) {
                throw damaged(path, "it declares " + entries + " entries");
            }
            for (int entry = 0; entry < entries; entry++) {
                String name = new String(take(file, file.getInt(), 1, path),
                        StandardCharsets.UTF_8);
                int calls = Math.max(1, file.getInt());
                byte[] values = take(file, file.getInt(), Float.BYTES, path);
                float[] means = new float[values.length / Float.BYTES];
                ByteBuffer.wrap(values).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(means);
                for (int i = 0; i < means.length; i++) {
                    means[i] = checked(path, means[i] / calls);
                }
                byTensor.put(name, means);
            }
        } catch (BufferUnderflowException e) {
            throw damaged(path, "it ends within an entry");
        }
    }

    private static byte[] take(ByteBuffer file, int count, int bytesEach, Path path) {
        if (count < 0 || count > file.remaining() / bytesEach) {
            throw damaged(path, "it declares " + count + " items where " + file.remaining()
                    + " bytes are left");
        }
        byte[] bytes = new byte[count * bytesEach];
        file.get(bytes);
        return bytes;
    }

    private static float checked(Path path, float mean) {
        if (!(mean >= 0 && mean <= Float.MAX_VALUE)) {
            throw damaged(path, "it has the mean square " + mean);
        }
        return mean;
    }

    private static ModelException damaged(Path path, String problem) {
        return new ModelException(path + " is not a usable importance matrix: " + problem
                + "; make one with llama-imatrix");
    }
}

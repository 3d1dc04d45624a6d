package dev.millrace.models.quantize;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.quantize.QuantizationException;
import dev.millrace.kernels.quantize.Quantizer;
import dev.millrace.kernels.quantize.TensorQuantizer;
import dev.millrace.models.ModelException;
import dev.millrace.models.TensorMixture;
import dev.millrace.models.gguf.GgufArray;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufFileWriter;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.gguf.GgufTensor;
import dev.millrace.models.gguf.GgufTensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * Writes a GGUF file again with other types, everything else as it was. It goes by the names of the
 * tensors, so it does not need to know the architecture.
 */
public final class FileQuantizer implements QuantizedFile {

    private static final int QUANTIZATION_VERSION = 2;
    /** What is said anew, or was true of the old file only. */
    private static final Set<String> REPLACED_KEYS = Set.of("general.file_type",
            "general.quantization_version", "general.alignment");
    private static final String SPLIT_PREFIX = "split.";

    private final GgufFile in;
    private final TensorMixture mixture;
    private final ImportanceMatrix importance;
    private final WorkerPool pool;
    private final GgufFileWriter out = new GgufFileWriter();
    private final Map<GgufTensorType, Integer> typeCounts = new EnumMap<>(GgufTensorType.class);
    private LongConsumer progress = bytes -> {};
    private long bytesDone;

    /**
     * Declares the new file.
     *
     * @param type       a mixture's name, or with {@code pure} a type's
     * @param importance of the columns; null where all are alike
     * @throws ModelException           if a tensor is of a type that cannot be read
     * @throws IllegalArgumentException if there is no such type, or nothing is quantised to it
     */
    public FileQuantizer(GgufFile in, String type, boolean pure, ImportanceMatrix importance,
            WorkerPool pool) {
        this.in = in;
        this.mixture = TensorMixture.of(proportions(in), type, pure);
        this.importance = importance;
        this.pool = pool;
        in.metadata().copyTo(out.metadata(),
                key -> !REPLACED_KEYS.contains(key) && !key.startsWith(SPLIT_PREFIX));
        out.metadata().uint32("general.quantization_version", QUANTIZATION_VERSION);
        if (mixture.fileType() >= 0) {
            out.metadata().uint32("general.file_type", mixture.fileType());
        }
        in.tensors().forEach(this::declare);
    }

    private static TensorMixture.Proportions proportions(GgufFile in) {
        GgufMetadata metadata = in.metadata();
        String prefix = metadata.requiredString("general.architecture") + ".";
        long heads = largest(metadata, prefix + "attention.head_count");
        long kvHeads = largest(metadata, prefix + "attention.head_count_kv");
        return new TensorMixture.Proportions(
                metadata.size(prefix + "block_count").orElse(1),
                kvHeads > 0 ? (int) Math.min(heads / kvHeads, 1 << 16) : 1,
                metadata.size(prefix + "expert_count").orElse(0),
                in.find("output.weight").isEmpty());
    }

    /** Some architectures have a number for each layer. */
    private static long largest(GgufMetadata metadata, String key) {
        Object value = metadata.asMap().get(key);
        if (value instanceof GgufArray array) {
            return array.stream().mapToLong(each -> each instanceof Long number ? number : 0).max()
                    .orElse(0);
        }
        return value instanceof Long number ? number : 0;
    }

    private void declare(GgufTensor tensor) {
        var format = tensor.type().format().orElseThrow(() -> new ModelException(in.source()
                + ": tensor " + tensor.name() + " is " + tensor.type()
                + ", which this version does not compute"));
        QuantTensor source = QuantTensor.of(format, tensor.shape(), in.blocks(tensor));
        GgufTensorType type = mixture.type(tensor.name(), tensor.shape());
        typeCounts.merge(type, 1, Integer::sum);
        out.tensor(tensor.name(), type, tensor.shape(), source(tensor, source, type));
    }

    private GgufFileWriter.Source source(GgufTensor tensor, QuantTensor data,
            GgufTensorType type) {
        var target = type.format().orElseThrow();
        if (target == data.format()) {
            return copy(data.data());
        }
        if (!Quantizer.targets().contains(target)) {
            throw new IllegalArgumentException("nothing is quantised to " + type + ", which "
                    + tensor.name() + " would be; types are " + Quantizer.targets());
        }
        float[] columns = importance == null ? null : importance.find(tensor.name());
        TensorQuantizer quantizer = new TensorQuantizer(data, target, columns, pool);
        return new GgufFileWriter.Source() {
            private long next;

            @Override
            public void fill(MemorySegment piece) {
                try {
                    quantizer.fill(next, piece);
                } catch (QuantizationException e) {
                    throw new ModelException(in.source() + ": tensor " + tensor.name() + ": "
                            + e.getMessage(), e);
                }
                next += piece.byteSize() / target.blockBytes() * target.blockElements();
                advance(piece.byteSize());
            }
        };
    }

    private GgufFileWriter.Source copy(MemorySegment data) {
        return new GgufFileWriter.Source() {
            private long next;

            @Override
            public void fill(MemorySegment piece) {
                piece.copyFrom(data.asSlice(next, piece.byteSize()));
                next += piece.byteSize();
                advance(piece.byteSize());
            }
        };
    }

    private void advance(long bytes) {
        bytesDone += bytes;
        progress.accept(bytesDone);
    }

    @Override
    public Map<GgufTensorType, Integer> typeCounts() {
        return typeCounts;
    }

    @Override
    public long totalBytes() {
        return out.totalBytes();
    }

    @Override
    public void write(WritableByteChannel channel, LongConsumer listener) throws IOException {
        progress = listener;
        out.write(channel);
    }
}

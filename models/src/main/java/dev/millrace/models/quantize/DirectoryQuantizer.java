package dev.millrace.models.quantize;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.ShortLivedMemory;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.quantize.QuantizationException;
import dev.millrace.kernels.quantize.Quantizer;
import dev.millrace.kernels.quantize.TensorQuantizer;
import dev.millrace.models.GgufModelWriter;
import dev.millrace.models.Model;
import dev.millrace.models.ModelException;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.TensorMixture;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import dev.millrace.models.gguf.GgufFileWriter;
import dev.millrace.models.gguf.GgufTensorType;
import dev.millrace.models.tokenizers.EmbeddedTokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Writes the model of a directory as a GGUF file: weights in the order that GGUF has for the
 * family, the tokenizer as the directory has it.
 */
public final class DirectoryQuantizer implements QuantizedFile {

    private static final String TEMPLATE_KEY = "tokenizer.chat_template";
    private static final String TEMPLATE_FILE = "chat_template.jinja";
    private static final long MOST_TEXT_BYTES = 64 << 20;

    private final Model model;
    private final ModelSpec fileSpec;
    private final TensorMixture mixture;
    private final ImportanceMatrix importance;
    private final WorkerPool pool;
    private final GgufFileWriter out;
    private final Map<GgufTensorType, Integer> typeCounts = new EnumMap<>(GgufTensorType.class);
    private LongConsumer progress = bytes -> {};
    private long bytesDone;

    /**
     * Declares the file.
     *
     * @param model     the directory's
     * @param directory for the tokenizer
     * @param type      a mixture's name, or with {@code pure} a type's
     * @param importance of the columns, by the tensors of the new file; null where all are alike
     * @throws ModelException           if the tokenizer cannot be read, or GGUF has no words for it
     * @throws IllegalArgumentException if there is no such type, or nothing is quantised to it
     */
    public DirectoryQuantizer(Model model, Path directory, String type, boolean pure,
            ImportanceMatrix importance, WorkerPool pool) {
        this.model = model;
        this.importance = importance;
        this.mixture = TensorMixture.of(model.spec(), type, pure);
        this.pool = pool;
        this.fileSpec = GgufModelWriter.inFileWords(model.spec());
        this.out = GgufModelWriter.declare(fileSpec, new Contents());
        if (mixture.fileType() >= 0) {
            out.metadata().uint32("general.file_type", mixture.fileType());
        }
        EmbeddedTokenizer.KEYS.forEach((key, file) -> addText(directory.resolve(file), key));
        TokenizerFiles.writeSentencePiece(directory, model.spec().vocabularySize(),
                out.metadata());
        if (model.chatTemplate().isPresent()) {
            out.metadata().string(TEMPLATE_KEY, model.chatTemplate().get().source());
        } else {
            addText(directory.resolve(TEMPLATE_FILE), TEMPLATE_KEY);
        }
    }

    private void addText(Path file, String key) {
        try {
            if (Files.isRegularFile(file) && Files.size(file) <= MOST_TEXT_BYTES) {
                out.metadata().string(key, Files.readString(file));
            }
        } catch (IOException e) {
            throw new ModelException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private final class Contents implements GgufModelWriter.Contents {

        @Override
        public GgufTensorType type(WeightRole role, int layer, TensorShape shape) {
            GgufTensorType type = mixture.type(role, layer, shape);
            if (!Quantizer.targets().contains(type.format().orElse(null))) {
                throw new IllegalArgumentException("nothing is quantised to " + type
                        + "; types are " + Quantizer.targets());
            }
            typeCounts.merge(type, 1, Integer::sum);
            return type;
        }

        @Override
        public GgufFileWriter.Source source(WeightRole role, int layer, GgufTensorType type,
                TensorShape shape) {
            return new WeightSource(role, layer, type.format().orElseThrow());
        }
    }

    /** The blocks of a weight, or of one expert's after the other's. */
    private final class WeightSource implements GgufFileWriter.Source {

        private final WeightRole role;
        private final int layer;
        private final QuantFormat target;
        private int expert;
        private long next;
        private QuantTensor tensor;

        private WeightSource(WeightRole role, int layer, QuantFormat target) {
            this.role = role;
            this.layer = layer;
            this.target = target;
            this.expert = role.perExpert() ? 0 : Weights.NO_EXPERT;
        }

        @Override
        public void fill(MemorySegment piece) {
            for (long filled = 0; filled < piece.byteSize();) {
                if (tensor == null) {
                    tensor = inFileOrder(role, layer, model.weights().get(role, layer, expert));
                    next = 0;
                }
                long left = QuantTensor.bytes(target, tensor.shape())
                        - next / target.blockElements() * target.blockBytes();
                MemorySegment part = piece.asSlice(filled, Math.min(left,
                        piece.byteSize() - filled));
                quantize(part);
                filled += part.byteSize();
                next += part.byteSize() / target.blockBytes() * target.blockElements();
                if (part.byteSize() == left) {
                    tensor = null;
                    expert++;
                }
            }
            bytesDone += piece.byteSize();
            progress.accept(bytesDone);
        }

        /** What is known about the columns of one expert, of all experts alike, or of a matrix. */
        private float[] columns() {
            float[] all = importance == null
                    ? null
                    : importance.find(GgufModelWriter.tensorName(fileSpec, role, layer));
            int count = Math.toIntExact(tensor.shape().columns());
            return all == null || !role.perExpert() || all.length == count
                    ? all
                    : Arrays.copyOfRange(all, expert * count, (expert + 1) * count);
        }

        private void quantize(MemorySegment part) {
            try {
                new TensorQuantizer(tensor, target, columns(), pool).fill(next, part);
            } catch (QuantizationException e) {
                throw new ModelException("the " + role + " weight"
                        + (role.perLayer() ? " of layer " + layer : "") + ": " + e.getMessage(),
                        e);
            }
        }
    }

    /** GGUF has rotating pairs side by side for some families, directories in halves for all. */
    private QuantTensor inFileOrder(WeightRole role, int layer, QuantTensor tensor) {
        ModelSpec spec = model.spec();
        boolean turns = switch (role) {
            case QUERY, KEY, QUERY_BIAS, KEY_BIAS -> true;
            default -> false;
        };
        int dimensions = spec.layerSpecs().stream().filter(each -> each.rope() != null)
                .filter(each -> each.rope().layout() == RopeSpec.Layout.HALVES)
                .mapToInt(each -> each.rope().dimensions()).max().orElse(0);
        return turns && dimensions > 0 && GgufModelWriter.pairsAreAdjacent(fileSpec)
                ? adjacentPairs(tensor, spec.headSize(), dimensions)
                : tensor;
    }

    /** Rows of a matrix, or elements of a vector, in another order within each head. */
    static QuantTensor adjacentPairs(QuantTensor tensor, int headSize, int dimensions) {
        boolean vector = tensor.shape().rows() == 1;
        long items = vector ? tensor.shape().columns() : tensor.shape().rows();
        long itemBytes = vector ? tensor.format().blockBytes() : tensor.rowBytes();
        MemorySegment ordered = ShortLivedMemory.allocate(tensor.data().byteSize());
        for (long item = 0; item < items; item++) {
            long place = item % headSize;
            long from = place >= dimensions ? place : place / 2 + place % 2 * (dimensions / 2);
            MemorySegment.copy(tensor.data(), (item - place + from) * itemBytes, ordered,
                    item * itemBytes, itemBytes);
        }
        return QuantTensor.of(tensor.format(), tensor.shape(), ordered);
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

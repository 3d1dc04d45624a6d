package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.EncoderSpec.Pooling;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.gguf.GgufTensor;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.GgufTokenizerReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** An encoder in a GGUF file, named as llama.cpp names it. */
final class GgufEncoder extends EncoderModel {

    private static final String ARCHITECTURE_KEY = "general.architecture";
    private static final String POOLING_KEY = "bert.pooling_type";

    private final GgufFile file;
    private final EncoderSpec spec;
    private Tokenizer tokenizer;

    private GgufEncoder(GgufFile file) {
        this.file = file;
        spec = spec(file.metadata());
    }

    /**
     * Opens a file as an encoder if it says that it is one.
     *
     * @param otherwise what opens a file that is none; takes over the file
     */
    static OpenedModel openIt(Path path, Function<GgufFile, OpenedModel> otherwise) {
        try {
            GgufFile file = GgufFile.open(path);
            return describesEncoder(file) ? checked(read(file)) : otherwise.apply(file);
        } catch (GgufException e) {
            throw new ModelException(e.getMessage(), e);
        }
    }

    /** Closes a file that was to be an encoder and is none, and says so. */
    static OpenedModel refuse(GgufFile file) {
        try (file) {
            throw file.metadata().wrong(ARCHITECTURE_KEY,
                    file.metadata().requiredString(ARCHITECTURE_KEY),
                    "\"" + ARCHITECTURE + "\" for an encoder");
        }
    }

    private static boolean describesEncoder(GgufFile file) {
        try {
            return file.metadata().string(ARCHITECTURE_KEY).filter(ARCHITECTURE::equals)
                    .isPresent();
        } catch (GgufException e) {
            file.close();
            throw e;
        }
    }

    private static GgufEncoder read(GgufFile file) {
        try {
            return new GgufEncoder(file);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static EncoderSpec spec(GgufMetadata metadata) {
        int embedding = metadata.requiredSize("bert.embedding_length");
        String epsilon = "bert.attention.layer_norm_epsilon";
        return new EncoderSpec(ARCHITECTURE,
                metadata.string("general.name").orElse(ARCHITECTURE).replaceAll("\\p{Cntrl}", "?"),
                Math.toIntExact(metadata.array("tokenizer.ggml.tokens")
                        .orElseThrow(() -> metadata.missing("tokenizer.ggml.tokens")).size()),
                metadata.requiredSize("bert.context_length"), 0,
                metadata.size("tokenizer.ggml.token_type_count").orElse(2), embedding,
                metadata.requiredSize("bert.feed_forward_length"),
                metadata.requiredSize("bert.block_count"),
                checkedHeads(embedding, metadata.requiredSize("bert.attention.head_count"),
                        "the file"),
                metadata.positive(epsilon).orElseThrow(() -> metadata.missing(epsilon)),
                pooling(metadata), true);
    }

    /** By llama.cpp's numbers; a file that says nothing is pooled by the mean. */
    private static Pooling pooling(GgufMetadata metadata) {
        long type = metadata.integer(POOLING_KEY).orElse(1L);
        return switch (Math.clamp(type, 0, 9)) {
            case 1 -> Pooling.MEAN;
            case 2 -> Pooling.FIRST;
            case 3 -> Pooling.LAST;
            default -> throw metadata.wrong(POOLING_KEY, type,
                    "1 (mean), 2 (first token) or 3 (last token)");
        };
    }

    @Override
    public EncoderSpec spec() {
        return spec;
    }

    @Override
    public synchronized Tokenizer tokenizer() {
        try {
            if (tokenizer == null) {
                tokenizer = GgufTokenizerReader.read(file.metadata(), spec.vocabularySize());
            }
            return tokenizer;
        } catch (GgufException e) {
            throw new ModelException(e.getMessage(), e);
        }
    }

    @Override
    QuantTensor find(EncoderRole role, int layer, String suffix) {
        GgufTensor tensor = file.find(role.ggufName(layer) + suffix).orElse(null);
        return tensor == null ? null : GgufWeights.read(file, tensor);
    }

    @Override
    public Map<String, Object> metadata() {
        return file.metadata().asMap();
    }

    @Override
    public List<TensorEntry> tensors() {
        return file.tensors().stream().map(TensorEntry::of).toList();
    }

    @Override
    public QuantTensor tensor(String name) {
        return GgufWeights.readNamed(file, name);
    }

    @Override
    public void close() {
        file.close();
    }
}

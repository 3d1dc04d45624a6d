package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.EncoderSpec.Pooling;
import dev.millrace.models.safetensors.Checkpoint;
import dev.millrace.models.safetensors.SafetensorsException;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * An encoder in a directory as transformers writes it. Where sentence-transformers added a folder
 * that says how to pool, that is heeded; without, texts are pooled by the mean, to length one.
 */
final class HfEncoder extends EncoderModel {

    private static final String CONFIG = "config.json";
    private static final Path POOLING = Path.of("1_Pooling", CONFIG);
    private static final float USUAL_EPSILON = 1e-12f;
    /** Whole models that were trained for something else keep the encoder under this name. */
    private static final String PREFIX = "bert.";

    private final HfConfig config;
    private final Checkpoint checkpoint;
    private final EncoderSpec spec;
    private final Path directory;
    private final String prefix;
    private Tokenizer tokenizer;

    private HfEncoder(Path directory, HfConfig config, Checkpoint checkpoint) {
        this.config = config;
        this.checkpoint = checkpoint;
        spec = spec(directory, config);
        prefix = checkpoint.find(PREFIX + EncoderRole.TOKEN_EMBEDDING.transformersName(NO_LAYER)
                + ".weight").isPresent() ? PREFIX : "";
        this.directory = directory;
    }

    static boolean describesEncoder(Path directory) {
        Path file = directory.resolve(CONFIG);
        return Files.isRegularFile(file) && describesEncoder(HfConfig.read(file));
    }

    private static boolean describesEncoder(HfConfig config) {
        return config.text("model_type").filter(ARCHITECTURE::equals).isPresent();
    }

    static HfEncoder read(Path directory) {
        HfConfig config = HfConfig.read(directory.resolve(CONFIG));
        if (!describesEncoder(config)) {
            throw config.wrong("model_type", "\"" + ARCHITECTURE + "\" for an encoder");
        }
        Checkpoint checkpoint = null;
        HfEncoder model = null;
        try {
            checkpoint = Checkpoint.open(directory, config.raw("quantization_config"));
            model = new HfEncoder(directory, config, checkpoint);
            return model;
        } catch (SafetensorsException e) {
            throw new ModelException(e.getMessage(), e);
        } finally {
            if (model == null && checkpoint != null) {
                checkpoint.close();
            }
        }
    }

    private static EncoderSpec spec(Path directory, HfConfig config) {
        refuseVariant(config, "hidden_act", "gelu");
        refuseVariant(config, "position_embedding_type", "absolute");
        int embedding = config.requiredSize("hidden_size");
        int heads = checkedHeads(embedding, config.requiredSize("num_attention_heads"),
                directory.toString());
        return new EncoderSpec(ARCHITECTURE, HfModel.name(directory),
                config.requiredSize("vocab_size"), config.requiredSize("max_position_embeddings"),
                config.size("type_vocab_size").orElse(2), embedding,
                config.requiredSize("intermediate_size"),
                config.requiredSize("num_hidden_layers"), heads,
                config.positive("layer_norm_eps").orElse(USUAL_EPSILON), pooling(directory),
                true);
    }

    private static void refuseVariant(HfConfig config, String key, String known) {
        if (!config.text(key).orElse(known).equals(known)) {
            throw config.wrong(key, "\"" + known + "\", the only one this version computes");
        }
    }

    private static Pooling pooling(Path directory) {
        Path file = directory.resolve(POOLING);
        if (!Files.isRegularFile(file)) {
            return Pooling.MEAN;
        }
        HfConfig config = HfConfig.read(file);
        if (config.flag("pooling_mode_cls_token", false)) {
            return Pooling.FIRST;
        }
        if (config.flag("pooling_mode_lasttoken", false)) {
            return Pooling.LAST;
        }
        if (config.flag("pooling_mode_mean_tokens", false)) {
            return Pooling.MEAN;
        }
        throw new ModelException(file + " wants a pooling that this version does not compute;"
                + " it computes the mean, the first token's and the last token's");
    }

    @Override
    public EncoderSpec spec() {
        return spec;
    }

    @Override
    public synchronized Tokenizer tokenizer() {
        if (tokenizer == null) {
            tokenizer = TokenizerFiles.open(directory);
        }
        return tokenizer;
    }

    @Override
    QuantTensor find(EncoderRole role, int layer, String suffix) {
        return checkpoint.find(prefix + role.transformersName(layer) + suffix)
                .map(checkpoint::read).orElse(null);
    }

    @Override
    public Map<String, Object> metadata() {
        return config.asMap();
    }

    @Override
    public List<TensorEntry> tensors() {
        return checkpoint.tensors().stream().map(TensorEntry::of).toList();
    }

    @Override
    public QuantTensor tensor(String name) {
        return HfModel.readNamed(checkpoint, name);
    }

    @Override
    public void close() {
        checkpoint.close();
    }
}

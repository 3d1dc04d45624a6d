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
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * An encoder in a directory as transformers writes it. Where sentence-transformers added a folder
 * that says how to pool, that is heeded; without, texts are pooled by the mean, to length one.
 */
final class HfEncoder extends EncoderModel {

    private static final String CONFIG = "config.json";
    private static final Path POOLING = Path.of("1_Pooling", CONFIG);
    private static final float USUAL_EPSILON = 1e-12f;
    /** What transformers calls RoBERTa and its kind, whose positions begin after the padding's. */
    private static final Set<String> ROBERTA = Set.of("roberta", "xlm-roberta");
    private static final int ROBERTA_PADDING = 1;
    /** What the architecture of an encoder with a head for scores or classes is called. */
    private static final String CLASSIFIER = "ForSequenceClassification";

    private final HfConfig config;
    private final Checkpoint checkpoint;
    private final EncoderSpec spec;
    private final Path directory;
    /** Whole models that were trained for something else keep the encoder under a name. */
    private final String prefix;
    private final boolean roberta;
    private Tokenizer tokenizer;

    private HfEncoder(Path directory, HfConfig config, Checkpoint checkpoint) {
        this.config = config;
        this.checkpoint = checkpoint;
        spec = spec(directory, config);
        roberta = isRoberta(config);
        String name = roberta ? "roberta." : "bert.";
        prefix = checkpoint.find(name + EncoderRole.TOKEN_EMBEDDING.transformersName(NO_LAYER)
                + ".weight").isPresent() ? name : "";
        this.directory = directory;
    }

    static boolean describesEncoder(Path directory) {
        Path file = directory.resolve(CONFIG);
        return Files.isRegularFile(file) && describesEncoder(HfConfig.read(file));
    }

    private static boolean describesEncoder(HfConfig config) {
        return isRoberta(config)
                || config.text("model_type").filter(ARCHITECTURE::equals).isPresent();
    }

    private static boolean isRoberta(HfConfig config) {
        return config.text("model_type").filter(ROBERTA::contains).isPresent();
    }

    static HfEncoder read(Path directory) {
        HfConfig config = HfConfig.read(directory.resolve(CONFIG));
        if (!describesEncoder(config)) {
            throw config.wrong("model_type", "\"" + ARCHITECTURE
                    + "\", \"roberta\" or \"xlm-roberta\" for an encoder");
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
        boolean scores = scores(config);
        int firstPosition = isRoberta(config)
                ? 1 + config.index("pad_token_id").orElse(ROBERTA_PADDING)
                : 0;
        int positions = config.requiredSize("max_position_embeddings");
        if (positions <= firstPosition) {
            throw config.wrong("max_position_embeddings", "more than " + firstPosition
                    + ", since positions begin after the padding's");
        }
        return new EncoderSpec(config.text("model_type").orElseThrow(), HfModel.name(directory),
                config.requiredSize("vocab_size"), positions - firstPosition, firstPosition,
                config.size("type_vocab_size").orElse(2), embedding,
                config.requiredSize("intermediate_size"),
                config.requiredSize("num_hidden_layers"), heads,
                config.positive("layer_norm_eps").orElse(USUAL_EPSILON),
                scores ? Pooling.SCORE : pooling(directory), !scores);
    }

    /** Whether a head makes scores of pairs. @throws ModelException if it makes classes */
    private static boolean scores(HfConfig config) {
        JsonNode architectures = config.raw("architectures");
        if (architectures == null
                || !architectures.path(0).asString("").endsWith(CLASSIFIER)) {
            return false;
        }
        JsonNode labels = config.raw("id2label");
        if (labels == null || labels.size() != 1) {
            throw config.wrong("id2label", "one label: cross-encoders that score pairs are"
                    + " computed, classifiers are not");
        }
        return true;
    }

    private static void refuseVariant(HfConfig config, String key, String known) {
        if (!config.text(key).orElse(known).equals(known)) {
            throw config.wrong(key, "\"" + known + "\", the only one this version computes");
        }
    }

    /** How a directory says that a text's states become one vector; the mean where it does not. */
    private static Pooling pooling(Path directory) {
        return saysPooling(directory) ? statedPooling(directory) : Pooling.MEAN;
    }

    /** Whether a directory says anything about pooling. */
    static boolean saysPooling(Path directory) {
        return Files.isRegularFile(directory.resolve(POOLING));
    }

    /** What it says. @throws ModelException if that is not computed */
    static Pooling statedPooling(Path directory) {
        Path file = directory.resolve(POOLING);
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
        return checkpoint.find(name(role, layer) + suffix).map(checkpoint::read).orElse(null);
    }

    /** The head has names of its own in either family, and BERT's output no prefix. */
    private String name(EncoderRole role, int layer) {
        return switch (role) {
            case SCORE_DENSE -> roberta
                    ? "classifier.dense"
                    : prefix + role.transformersName(layer);
            case SCORE_OUTPUT -> roberta
                    ? "classifier.out_proj"
                    : role.transformersName(layer);
            default -> prefix + role.transformersName(layer);
        };
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

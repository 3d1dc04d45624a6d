package dev.millrace.models;

import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.EncoderSpec.Pooling;
import dev.millrace.models.safetensors.Checkpoint;
import dev.millrace.models.safetensors.CheckpointTensor;
import dev.millrace.models.safetensors.SafetensorsException;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A model in a directory as transformers writes it: config.json and safetensors. */
final class HfModel implements Model {

    private final HfConfig config;
    private final Checkpoint checkpoint;
    private final ModelSpec spec;
    private final HfWeights weights;
    private final long parameters;
    private final HfTokenizer tokenizer;
    private final HfTemplate template;
    private final Optional<String> otherPooling;

    private HfModel(Path directory, HfConfig config, HfFamily family, Checkpoint checkpoint) {
        this.config = config;
        this.checkpoint = checkpoint;
        boolean hasOutput = checkpoint.find(HfPrefix.of(checkpoint).apply(family.name(
                WeightRole.OUTPUT, Weights.NO_LAYER, Weights.NO_EXPERT))).isPresent();
        this.spec = HfSpecReader.read(HfSpecReader.textModel(config), family, name(directory),
                hasOutput);
        this.weights = new HfWeights(checkpoint, family, spec);
        this.parameters = checkpoint.tensors().stream()
                .mapToLong(tensor -> tensor.shape().elements()).sum();
        this.tokenizer = HfTokenizer.read(directory, spec);
        this.template = HfTemplate.read(directory);
        this.otherPooling = otherPooling(directory);
    }

    private static Optional<String> otherPooling(Path directory) {
        if (!HfEncoder.saysPooling(directory)) {
            return Optional.empty();
        }
        String wanted;
        try {
            Pooling stated = HfEncoder.statedPooling(directory);
            if (stated == Pooling.LAST) {
                return Optional.empty();
            }
            wanted = stated == Pooling.MEAN ? "the mean" : "the first token";
        } catch (ModelException e) {
            wanted = "what this version does not compute"; // still good for texts
        }
        return Optional.of("1_Pooling/config.json asks for " + wanted);
    }

    @Override
    public Optional<String> otherPooling() {
        return otherPooling;
    }

    static HfModel open(Path directory) {
        Path file = directory.resolve("config.json");
        if (!Files.exists(file) && Files.exists(directory.resolve(PeftConfig.FILE_NAME))) {
            throw LoraAdapter.noModel(directory.toString());
        }
        HfConfig config = HfConfig.read(file);
        HfFamily family = HfSpecReader.family(config);
        Checkpoint checkpoint = null;
        HfModel model = null;
        try {
            checkpoint = Checkpoint.open(directory, config.raw("quantization_config"));
            model = new HfModel(directory, config, family, checkpoint);
            return model;
        } catch (SafetensorsException e) {
            throw new ModelException(e.getMessage(), e);
        } finally {
            if (model == null && checkpoint != null) {
                checkpoint.close();
            }
        }
    }

    /** The directory's: no file in it says what the model is called. */
    static String name(Path directory) {
        return String.valueOf(directory.toAbsolutePath().normalize().getFileName())
                .replaceAll("\\p{Cntrl}", "?");
    }

    @Override
    public ModelSpec spec() {
        return spec;
    }

    @Override
    public Weights weights() {
        return weights;
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return Optional.ofNullable(tokenizer.tokenizer());
    }

    @Override
    public Optional<String> tokenizerProblem() {
        return Optional.ofNullable(tokenizer.problem());
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return Optional.ofNullable(template.template());
    }

    @Override
    public Optional<String> chatTemplateProblem() {
        return Optional.ofNullable(template.problem());
    }

    @Override
    public ModelFootprint footprint(KvFormat cacheFormat) {
        return ModelFootprint.of(spec, parameters, weights.totalBytes(), cacheFormat);
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
        return readNamed(checkpoint, name);
    }

    /** @throws ModelException naming near misses if there is no such tensor */
    static QuantTensor readNamed(Checkpoint checkpoint, String name) {
        return checkpoint.read(checkpoint.find(name).orElseThrow(() -> new ModelException(
                "there is no tensor \"" + name + "\" in " + checkpoint.source()
                        + NearMisses.hint(name, checkpoint.tensors().stream()
                                .map(CheckpointTensor::name).toList()))));
    }

    @Override
    public void close() {
        checkpoint.close();
    }
}

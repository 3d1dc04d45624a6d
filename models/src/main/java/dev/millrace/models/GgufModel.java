package dev.millrace.models;

import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufTensor;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.template.TemplateException;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.EmbeddedTokenizer;
import dev.millrace.models.tokenizers.GgufTokenizerReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A model in one GGUF file. */
final class GgufModel implements Model {

    private static final String TEMPLATE_KEY = "tokenizer.chat_template";
    private static final long LAST_TOKEN = 3;

    private final GgufFile file;
    private final ModelSpec spec;
    private final GgufWeights weights;
    private final long parameters;
    private final Part<Tokenizer> tokenizer;
    private final Part<ChatTemplate> template;

    /** A part that a model can do without: the part itself, or why there is none. */
    private record Part<T>(T value, String problem) {}

    private GgufModel(GgufFile file) {
        this.file = file;
        this.spec = GgufSpecReader.read(file);
        this.weights = new GgufWeights(file, GgufSpecReader.family(file), spec);
        this.parameters = file.tensors().stream().mapToLong(GgufTensor::elements).sum();
        this.tokenizer = readTokenizer(file, spec);
        this.template = readTemplate(file);
    }

    static GgufModel open(Path path) {
        try {
            return open(GgufFile.open(path));
        } catch (GgufException e) {
            throw new ModelException(e.getMessage(), e);
        }
    }

    /** @param file closed with the model, or at once if it holds none */
    static GgufModel open(GgufFile file) {
        GgufModel model = null;
        try {
            if (GgufAdapter.isIn(file)) {
                throw LoraAdapter.noModel(file.source());
            }
            model = new GgufModel(file);
            return model;
        } finally {
            if (model == null) {
                file.close();
            }
        }
    }

    private static Part<Tokenizer> readTokenizer(GgufFile file, ModelSpec spec) {
        try {
            return new Part<>(EmbeddedTokenizer.isIn(file.metadata())
                    ? EmbeddedTokenizer.read(file.metadata(), spec.vocabularySize(),
                            file.source())
                    : GgufTokenizerReader.read(file.metadata(), spec.vocabularySize()), null);
        } catch (GgufException | ModelException e) {
            return new Part<>(null, e.getMessage());
        }
    }

    private static Part<ChatTemplate> readTemplate(GgufFile file) {
        try {
            Optional<String> source = file.metadata().string(TEMPLATE_KEY);
            return source.isEmpty()
                    ? new Part<>(null, "the file has no chat template")
                    : new Part<>(ChatTemplate.compile(source.get()), null);
        } catch (GgufException | TemplateException e) {
            return new Part<>(null, e.getMessage());
        }
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
        return Optional.ofNullable(tokenizer.value);
    }

    @Override
    public Optional<String> tokenizerProblem() {
        return Optional.ofNullable(tokenizer.problem);
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return Optional.ofNullable(template.value);
    }

    @Override
    public Optional<String> chatTemplateProblem() {
        return Optional.ofNullable(template.problem);
    }

    @Override
    public ModelFootprint footprint(KvFormat cacheFormat) {
        return ModelFootprint.of(spec, parameters, weights.totalBytes(), cacheFormat);
    }

    /** By llama.cpp's numbers; 0 is said of models of which nobody wants vectors. */
    @Override
    public Optional<String> otherPooling() {
        String key = spec.architecture() + ".pooling_type";
        long type = file.metadata().integer(key).orElse(LAST_TOKEN);
        return type == LAST_TOKEN || type == 0
                ? Optional.empty()
                : Optional.of(key + " is " + type + (type == 1 ? " (the mean)" : ""));
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

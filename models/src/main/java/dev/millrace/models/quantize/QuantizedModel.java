package dev.millrace.models.quantize;

import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.ShortLivedMemory;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.quantize.QuantizationException;
import dev.millrace.kernels.quantize.Quantizer;
import dev.millrace.kernels.quantize.TensorQuantizer;
import dev.millrace.models.Model;
import dev.millrace.models.ModelException;
import dev.millrace.models.ModelFootprint;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.TensorEntry;
import dev.millrace.models.TensorMixture;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model whose weights get fewer bits as they are asked for, each time anew; all else is the
 * model's own. A weight that the type would not make smaller stays as it is.
 */
public final class QuantizedModel implements Model {

    private final Model model;
    private final TensorMixture mixture;
    private final WorkerPool pool;
    private final Weights weights = new QuantizedWeights();

    /**
     * A view of a model, which it closes when it is closed.
     *
     * @param type a mixture's name, such as {@code q4_k_m}
     * @param pool that quantises; not at work when a weight is asked for
     * @throws IllegalArgumentException if there is no such mixture
     */
    public QuantizedModel(Model model, String type, WorkerPool pool) {
        this.model = model;
        this.mixture = TensorMixture.of(model.spec(), type, false);
        this.pool = pool;
    }

    private final class QuantizedWeights implements Weights {

        @Override
        public QuantTensor find(WeightRole role, int layer, int expert) {
            QuantTensor tensor = model.weights().find(role, layer, expert);
            if (tensor == null) {
                return null;
            }
            QuantFormat target = target(role, layer, tensor.format(), tensor.shape());
            if (target == tensor.format()) {
                return tensor;
            }
            QuantTensor quantized = QuantTensor.of(target, tensor.shape(),
                    ShortLivedMemory.allocate(QuantTensor.bytes(target, tensor.shape())));
            try {
                new TensorQuantizer(tensor, target, null, pool).fill(0, quantized.data());
            } catch (QuantizationException e) {
                throw new ModelException("the " + role + " weight of " + model.spec().name()
                        + (role.perLayer() ? " in layer " + layer : "") + ": " + e.getMessage(),
                        e);
            }
            if (tensor.data().isMapped()) {
                tensor.data().unload(); // the copy serves from here on
            }
            return quantized;
        }

        @Override
        public QuantFormat format(WeightRole role, int layer, int expert) {
            QuantFormat format = model.weights().format(role, layer, expert);
            return format == null
                    ? null
                    : target(role, layer, format, role.shape(model.spec(), layer));
        }

        /** What a weight becomes: what it is, unless that would be larger. */
        private QuantFormat target(WeightRole role, int layer, QuantFormat format,
                TensorShape shape) {
            QuantFormat target = mixture.type(role, layer, shape).format().orElseThrow();
            boolean smaller = QuantTensor.bytes(target, shape) < QuantTensor.bytes(format, shape);
            return smaller && Quantizer.targets().contains(target) ? target : format;
        }

        @Override
        public long totalBytes() {
            return model.weights().totalBytes();
        }
    }

    @Override
    public ModelSpec spec() {
        return model.spec();
    }

    @Override
    public Weights weights() {
        return weights;
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return model.tokenizer();
    }

    @Override
    public Optional<String> tokenizerProblem() {
        return model.tokenizerProblem();
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return model.chatTemplate();
    }

    @Override
    public Optional<String> chatTemplateProblem() {
        return model.chatTemplateProblem();
    }

    /** What the file holds, as for the model itself. */
    @Override
    public Optional<String> otherPooling() {
        return model.otherPooling();
    }

    @Override
    public ModelFootprint footprint(KvFormat cacheFormat) {
        return model.footprint(cacheFormat);
    }

    @Override
    public Map<String, Object> metadata() {
        return model.metadata();
    }

    @Override
    public List<TensorEntry> tensors() {
        return model.tensors();
    }

    /** The tensor as the file has it. */
    @Override
    public QuantTensor tensor(String name) {
        return model.tensor(name);
    }

    @Override
    public void close() {
        model.close();
    }
}

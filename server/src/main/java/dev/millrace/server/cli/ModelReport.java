package dev.millrace.server.cli;

import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.EncoderSpec;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.Model;
import dev.millrace.models.ModelException;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.OpenedModel;
import dev.millrace.models.TensorEntry;
import dev.millrace.models.store.Licence;
import dev.millrace.models.store.StoredModel;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What {@code inspect} tells. The names of the components, in snake case, are the keys of its JSON,
 * which {@code docs/json/inspect.schema.json} describes.
 *
 * @param kind     {@code decoder} or {@code encoder}
 * @param experts  null in models without
 * @param pooling  of an encoder, else null; {@code score} of one that scores pairs of texts
 * @param unproven what is not known of how well this version runs it, or null
 * @param memory   null where it cannot be told
 * @param metadata the file's own, long lists and texts by their length
 */
record ModelReport(String name, String kind, String architecture, String path, long parameters,
        long activeParameters, int layers, int embeddingSize, int feedForwardSize, Experts experts,
        int heads, int kvHeads, int headSize, int vocabularySize, int contextTokens,
        String pooling, String unproven, Part tokenizer, Part chatTemplate, Terms licence,
        Provenance provenance,
        Memory memory, String memoryProblem, Map<String, Object> metadata, List<Tensor> tensors) {

    static final String DECODER = "decoder";
    static final String ENCODER = "encoder";

    /** @param chosen of {@code count}, for each token */
    record Experts(int count, int chosen, int sharedSize) {

        private static Experts of(ExpertSpec spec) {
            return spec == null
                    ? null
                    : new Experts(spec.count(), spec.chosen(), spec.sharedSize());
        }
    }

    /** Something that a model can do without. @param problem why it is not there, or null */
    record Part(boolean present, String problem) {

        private static Part of(Optional<?> part, Optional<String> problem) {
            return new Part(part.isPresent(), part.isPresent() ? null : problem.orElse(""));
        }
    }

    /** @param restriction what the licence keeps users from doing; null if it is open */
    record Terms(String id, String restriction) {

        static Terms of(Licence licence) {
            return new Terms(licence.id(), licence.restriction().orElse(null));
        }
    }

    /** What the store knows. @param revision null of a source without */
    record Provenance(String name, String source, String revision, String pulled,
            List<PulledFile> files) {

        static Provenance of(StoredModel model) {
            return new Provenance(model.name(), model.source(), model.revision().orElse(null),
                    model.pulled().toString(), model.files().stream()
                            .map(file -> new PulledFile(file.name(), file.bytes(), file.sha256()))
                            .toList());
        }
    }

    record PulledFile(String name, long bytes, String sha256) {}

    /**
     * @param kv              how keys and values are kept; null of an encoder
     * @param fileWeightBytes of all weights in the file
     * @param stepWeightBytes of the packed weights, what one token reads
     * @param gpuBytes        what each of several GPUs that share the model takes; empty for one
     * @param caches          every way to keep keys and values
     */
    record Memory(String backend, int contextTokens, int sequences, int stepTokens, String kv,
            long fileWeightBytes, long weightBytes, long stepWeightBytes, long bufferBytes,
            long cacheBytes, long totalBytes, long limitBytes, boolean fits,
            List<Long> gpuBytes, List<Cache> caches) {}

    record Cache(String kv, long bytesPerToken, long bytesPerSequence, long totalBytes) {}

    /**
     * @param shape  (planes, rows, columns), without leading ones
     * @param format in which the kernels get it; null if there is none for its type
     * @param packed what it is in memory, in words; null of vectors and where it is not told
     */
    record Tensor(String name, String type, List<Long> shape, long bytes, String format,
            String packed) {}

    static ModelReport of(Model model, Origin origin) {
        ModelSpec spec = model.spec();
        FeedForwardSpec network = spec.layerSpecs().getLast().feedForward();
        long parameters = model.footprint(KvFormat.F16).parameters();
        Forecast forecast = origin.forecast();
        return new ModelReport(spec.name(), DECODER, spec.architecture(), origin.path(), parameters,
                spec.activeParameters(parameters), spec.layers(), spec.embeddingSize(),
                network.size(), Experts.of(network.experts()), spec.heads(), spec.kvHeads(),
                spec.headSize(), spec.vocabularySize(), spec.contextTokens(), null, null,
                Part.of(model.tokenizer(), model.tokenizerProblem()),
                Part.of(model.chatTemplate(), model.chatTemplateProblem()), origin.licence(),
                origin.provenance(), forecast.memory(), forecast.problem(), origin.metadata(),
                tensors(model, forecast));
    }

    static ModelReport of(EncoderModel model, Origin origin) {
        EncoderSpec spec = model.spec();
        long parameters = model.tensors().stream().mapToLong(entry -> entry.shape().elements())
                .sum();
        Forecast forecast = origin.forecast();
        return new ModelReport(spec.name(), ENCODER, spec.architecture(), origin.path(), parameters,
                parameters, spec.layers(), spec.embeddingSize(), spec.feedForwardSize(), null,
                spec.heads(), spec.heads(), spec.headSize(), spec.vocabularySize(),
                spec.contextTokens(), spec.pooling().name().toLowerCase(Locale.ROOT),
                spec.unproven().orElse(null), tokenizer(model),
                new Part(false, "an encoder answers no chats"),
                origin.licence(), origin.provenance(), forecast.memory(), forecast.problem(),
                origin.metadata(), tensors(model, forecast));
    }

    /** What does not depend on the kind of model. */
    record Origin(String path, Terms licence, Provenance provenance, Forecast forecast,
            Map<String, Object> metadata) {}

    /** @param packedForms of weights by format; empty where nothing can be told */
    record Forecast(Memory memory, String problem, Map<QuantFormat, String> packedForms) {}

    private static Part tokenizer(EncoderModel model) {
        try {
            return Part.of(Optional.of(model.tokenizer()), Optional.empty());
        } catch (ModelException e) {
            return new Part(false, e.getMessage());
        }
    }

    private static List<Tensor> tensors(OpenedModel model, Forecast forecast) {
        return model.tensors().stream().map(entry -> tensor(entry, forecast)).toList();
    }

    static Tensor tensor(TensorEntry entry, Forecast forecast) {
        List<Long> extents = List.of(entry.shape().planes(), entry.shape().rows(),
                entry.shape().columns());
        boolean matrix = entry.shape().rows() > 1;
        int first = entry.shape().planes() > 1 ? 0 : matrix ? 1 : 2;
        return new Tensor(entry.name(), entry.type(), extents.subList(first, extents.size()),
                entry.bytes(),
                entry.computable() ? entry.format().name().toLowerCase(Locale.ROOT) : null,
                entry.computable() && matrix ? forecast.packedForms().get(entry.format()) : null);
    }
}

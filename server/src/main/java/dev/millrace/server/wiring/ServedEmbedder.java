package dev.millrace.server.wiring;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.cpu.CpuEncoderPass;
import dev.millrace.engine.embedding.EmbeddingEngine;
import dev.millrace.engine.embedding.EmbeddingSettings;
import dev.millrace.engine.forward.EncoderPass;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.ModelException;
import dev.millrace.models.store.Licence;
import dev.millrace.models.text.PairTemplate;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.embeddings.EmbeddingModel;
import java.time.Instant;
import java.util.Optional;

/** An encoder on the server's device with its engine; closes all but the file. */
final class ServedEmbedder implements AutoCloseable {

    /** Of all requests that wait, so that their texts take a bounded part of the memory. */
    private static final int QUEUED_TOKENS = 1 << 20;

    private final Closing closing;
    private final EmbeddingModel model;

    private ServedEmbedder(Closing closing, EmbeddingModel model) {
        this.closing = closing;
        this.model = model;
    }

    /** What an encoder takes of the memory. */
    static long needBytes(EncoderModel encoder, ServerConfig config) {
        CpuDevice device = LoadedModel.processor(config);
        return CpuEncoderPass.memoryNeeded(encoder, device.choice().kernels(), device.workers())
                .totalBytes();
    }

    /**
     * Packs an encoder for the device, on the lane as overhead.
     *
     * @param encoder borrowed
     * @throws ModelException if it has no tokenizer, or scores pairs and that takes none
     */
    static ServedEmbedder open(ModelSource source, EncoderModel encoder, ServerConfig config,
            DeviceLane lane, StepObserver observer) {
        Closing closing = new Closing();
        try {
            KernelChoice choice = KernelChoice.of(config);
            Tokenizer tokenizer = encoder.tokenizer();
            Optional<PairTemplate> pairs = encoder.spec().scores()
                    ? Optional.of(tokenizer.pairs().orElseThrow(() -> new ModelException(
                            source.id() + " scores pairs of texts, but its tokenizer.json does"
                                    + " not say how two become one; its post_processor must")))
                    : Optional.empty();
            WorkerPool pool = closing.later(LoadedModel.openPool(config));
            EncoderPass pass = closing.later(lane.overhead(
                    () -> new CpuEncoderPass(encoder, choice.kernels(), pool)));
            int contextTokens = encoder.spec().contextTokens();
            EmbeddingEngine engine = closing.later(EmbeddingEngine.start(source.id(), pass,
                    new EmbeddingSettings(config.stepTokens(), contextTokens, config.queue(),
                            QUEUED_TOKENS),
                    lane, observer));
            Licence licence = source.stated()
                    .orElseGet(() -> Licence.ofModel(source.file(), encoder.metadata()));
            return new ServedEmbedder(closing, new EmbeddingModel(source.id(),
                    encoder.spec().architecture(), tokenizer,
                    encoder.spec().vocabularySize(), encoder.spec().outputSize(), engine,
                    contextTokens,
                    CpuBackend.description(choice.kernels(), LoadedModel.workers(config)),
                    Instant.now(), licence, pairs, encoder.spec().unproven()));
        } catch (RuntimeException | Error e) {
            closing.closeAfter(e);
            throw e;
        }
    }

    EmbeddingModel model() {
        return model;
    }

    @Override
    public void close() {
        closing.close();
    }
}

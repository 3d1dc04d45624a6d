package dev.millrace.server.wiring;

import dev.millrace.engine.cpu.CpuEncoderPass;
import dev.millrace.engine.forward.EncoderPass;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.ModelException;
import dev.millrace.models.text.EncoderInput;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.ServerConfig;
import java.util.List;

/** Embeds by an encoder. */
final class EncoderEmbedder implements TextEmbedder {

    private final EncoderModel model;
    private final WorkerPool pool;
    private final Tokenizer tokenizer;
    private final EncoderPass pass;

    private EncoderEmbedder(EncoderModel model, WorkerPool pool, Tokenizer tokenizer,
            EncoderPass pass) {
        this.model = model;
        this.pool = pool;
        this.tokenizer = tokenizer;
        this.pass = pass;
    }

    /** @param model owned from now on, also if this fails */
    static EncoderEmbedder of(EncoderModel model, ServerConfig config) {
        WorkerPool pool = null;
        try {
            if (model.spec().scores()) {
                throw new ModelException(model.spec().name() + " scores pairs of texts and makes"
                        + " no vectors; serve it and ask /v1/rerank");
            }
            KernelChoice choice = KernelChoice.of(config);
            Tokenizer tokenizer = model.tokenizer();
            pool = LoadedModel.openPool(config);
            return new EncoderEmbedder(model, pool, tokenizer,
                    new CpuEncoderPass(model, choice.kernels(), pool));
        } catch (RuntimeException | Error e) {
            if (pool != null) {
                pool.close();
            }
            model.close();
            throw e;
        }
    }

    @Override
    public float[][] embed(List<String> texts) {
        return pass.encode(texts.stream().map(text -> TextEmbedder.tokens(tokenizer, text,
                model.spec().contextTokens())).map(EncoderInput::of).toList());
    }

    @Override
    public void close() {
        Closing closing = new Closing();
        closing.later(model);
        closing.later(pool);
        closing.later(pass);
        closing.close();
    }
}

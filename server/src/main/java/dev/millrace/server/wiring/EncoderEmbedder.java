package dev.millrace.server.wiring;

import dev.millrace.engine.cpu.CpuEncoderPass;
import dev.millrace.engine.forward.EncoderPass;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.ServerConfig;
import java.nio.file.Path;
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

    static EncoderEmbedder open(Path path, ServerConfig config) {
        KernelChoice choice = KernelChoice.of(config);
        EncoderModel model = EncoderModel.open(path);
        WorkerPool pool = null;
        try {
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
                model.spec().contextTokens())).toList());
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

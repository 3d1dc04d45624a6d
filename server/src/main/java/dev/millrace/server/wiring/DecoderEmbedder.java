package dev.millrace.server.wiring;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.UnitLength;
import dev.millrace.models.Model;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.ServerConfig;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/** Embeds by a model that was made to generate: its normed state after the last token. */
final class DecoderEmbedder implements TextEmbedder {

    private final LoadedModel loaded;
    private final Tokenizer tokenizer;
    private final SingleSequence sequence;

    private DecoderEmbedder(LoadedModel loaded, Tokenizer tokenizer) {
        this.loaded = loaded;
        this.tokenizer = tokenizer;
        this.sequence = new SingleSequence(loaded, loaded.contextTokens());
    }

    /** @param model owned from now on, also if this fails */
    static DecoderEmbedder of(Model model, ServerConfig config, DeviceLane lane) {
        LoadedModel loaded = LoadedModel.of(model, config, lane, Duration.ZERO,
                List.of());
        try {
            return new DecoderEmbedder(loaded, model.requiredTokenizer());
        } catch (RuntimeException | Error e) {
            loaded.close();
            throw e;
        }
    }

    @Override
    public float[][] embed(List<String> texts) {
        return texts.stream().map(text -> TextEmbedder.tokens(tokenizer, text,
                loaded.contextTokens())).map(this::embed).toArray(float[][]::new);
    }

    private float[] embed(int[] tokens) {
        int from = 0;
        for (; tokens.length - from > sequence.stepTokens(); from += sequence.stepTokens()) {
            sequence.step(Arrays.copyOfRange(tokens, from, from + sequence.stepTokens()), from,
                    OutputRequest.NONE);
        }
        return UnitLength.scale(sequence.step(Arrays.copyOfRange(tokens, from, tokens.length),
                from, new OutputRequest.PooledHidden(Pooling.LAST)).values());
    }

    @Override
    public void close() {
        loaded.close();
    }
}

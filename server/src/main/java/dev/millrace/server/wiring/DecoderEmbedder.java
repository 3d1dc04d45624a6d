package dev.millrace.server.wiring;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.UnitLength;
import dev.millrace.models.ModelException;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.ServerConfig;
import java.nio.file.Path;
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

    static DecoderEmbedder open(Path path, ServerConfig config, DeviceLane lane) {
        LoadedModel loaded = LoadedModel.open(path, config, lane, Duration.ZERO);
        try {
            Tokenizer tokenizer = loaded.model().tokenizer().orElseThrow(
                    () -> new ModelException(loaded.spec().name() + " has no tokenizer"
                            + loaded.model().tokenizerProblem().map(why -> ": " + why)
                                    .orElse("")));
            return new DecoderEmbedder(loaded, tokenizer);
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

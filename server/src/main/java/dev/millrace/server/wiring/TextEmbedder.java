package dev.millrace.server.wiring;

import dev.millrace.engine.DeviceLane;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.Model;
import dev.millrace.models.ModelException;
import dev.millrace.models.OpenedModel;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.ServerConfig;
import java.nio.file.Path;
import java.util.List;

/** A model that turns texts into vectors of length one, whose dot products tell how alike. */
public interface TextEmbedder extends AutoCloseable {

    /**
     * Opens an encoder, or any other model: its state after the last token stands for the text.
     *
     * @throws ModelException if there is no such model, or it has no tokenizer
     */
    static TextEmbedder open(Path path, ServerConfig config) {
        return switch (OpenedModel.open(path)) {
            case EncoderModel encoder -> EncoderEmbedder.of(encoder, config);
            case Model model -> DecoderEmbedder.of(model, config, new DeviceLane());
        };
    }

    /**
     * A vector for each text.
     *
     * @throws IllegalArgumentException for a text that is empty or has more tokens than the model
     *                                  takes
     */
    float[][] embed(List<String> texts);

    @Override
    void close();

    /** The tokens of a text, in which nothing is special. */
    static int[] tokens(Tokenizer tokenizer, String text, int mostTokens) {
        int[] tokens = tokenizer.encodeWhole(List.of(new TextSpan(text, false)));
        if (tokens.length == 0 || tokens.length > mostTokens) {
            throw new IllegalArgumentException("a text must have from 1 to " + mostTokens
                    + " tokens for this model, got " + tokens.length + "; cut it into pieces");
        }
        return tokens;
    }
}

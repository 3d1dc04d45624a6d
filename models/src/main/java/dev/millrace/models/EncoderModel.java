package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;

/** An opened encoder: sizes, weights by role and tokenizer, mapped rather than copied. */
public abstract sealed class EncoderModel implements OpenedModel permits HfEncoder, GgufEncoder {

    /** Layer to pass for a role that no layer owns. */
    public static final int NO_LAYER = -1;

    /** The only architecture of encoders so far, as both kinds of files call it. */
    static final String ARCHITECTURE = "bert";

    /**
     * Opens a directory as transformers writes it, or a GGUF file.
     *
     * @throws ModelException if it holds no encoder that this version runs, or is damaged
     */
    public static EncoderModel open(Path path) {
        return Files.isDirectory(path)
                ? checked(HfEncoder.read(path))
                : (EncoderModel) GgufEncoder.openIt(path, GgufEncoder::refuse);
    }

    /** A model whose weights are all there; closed if they are not. */
    static EncoderModel checked(EncoderModel model) {
        try {
            model.checkWeights();
            return model;
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    public abstract EncoderSpec spec();

    /** @throws ModelException if the model has none that this version reads */
    public abstract Tokenizer tokenizer();

    /** A tensor of the model; null if there is none. */
    abstract QuantTensor find(EncoderRole role, int layer, String suffix);

    /** The weight in a role; valid until the model is closed. */
    public final QuantTensor weight(EncoderRole role, int layer) {
        return find(role, layer, ".weight");
    }

    /** What is added after {@link #weight}. */
    public final QuantTensor bias(EncoderRole role, int layer) {
        return find(role, layer, ".bias");
    }

    @Override
    public abstract void close();

    private void checkWeights() {
        for (EncoderRole role : EncoderRole.of(spec())) {
            for (int layer = 0; layer < (role.perLayer() ? spec().layers() : 1); layer++) {
                int place = role.perLayer() ? layer : NO_LAYER;
                check(role, place, "weight", weight(role, place), role.shape(spec()));
                if (role.biased()) {
                    check(role, place, "bias", bias(role, place), role.biasShape(spec()));
                }
            }
        }
    }

    private void check(EncoderRole role, int layer, String part, QuantTensor tensor,
            TensorShape expected) {
        String what = "the " + part + " of " + role + (layer < 0 ? "" : " in layer " + layer);
        if (tensor == null) {
            throw new ModelException(spec().name() + " lacks " + what
                    + "; it is damaged or of a kind that this version does not run");
        }
        if (!tensor.shape().equals(expected)) {
            throw new ModelException(what + " of " + spec().name() + " is " + tensor.shape()
                    + ", but the model's sizes ask for " + expected);
        }
    }

    static int checkedHeads(int embeddingSize, int heads, String where) {
        if (embeddingSize % heads != 0) {
            throw new ModelException(where + ": " + heads + " heads do not divide a width of "
                    + embeddingSize);
        }
        return heads;
    }
}

package dev.millrace.engine.forward;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.util.function.ToLongBiFunction;

/**
 * What weights take once they are packed, told from their formats and shapes: nothing is read.
 *
 * @param bytes     of all
 * @param stepBytes of those that a step of one token reads
 */
public record WeightSizes(long bytes, long stepBytes) {

    /**
     * Of a model.
     *
     * @param matrixBytes what a matrix in a format takes
     */
    public static WeightSizes of(ToLongBiFunction<QuantFormat, TensorShape> matrixBytes,
            ModelSpec spec, Weights weights) {
        return of(matrixBytes, spec, weights, Weights::format);
    }

    /** Which format of a weight a backend takes. */
    public interface Choice {
        QuantFormat format(Weights weights, WeightRole role, int layer, int expert);
    }

    /**
     * Of a model of which some weights come in several formats.
     *
     * @param matrixBytes what a matrix in a format takes
     */
    public static WeightSizes of(ToLongBiFunction<QuantFormat, TensorShape> matrixBytes,
            ModelSpec spec, Weights weights, Choice choice) {
        long all = 0;
        long idle = 0;
        for (WeightRole role : WeightRole.values()) {
            for (int layer = 0; layer < (role.perLayer() ? spec.layers() : 1); layer++) {
                if (!role.neededBy(spec, layer)) {
                    continue;
                }
                int place = role.perLayer() ? layer : Weights.NO_LAYER;
                if (role.perExpert()) {
                    ExpertSpec experts = spec.layer(layer).feedForward().experts();
                    for (int expert = 0; expert < experts.count(); expert++) {
                        all += bytes(matrixBytes, spec, weights, choice, role, place, expert);
                    }
                    if (role.isMatrix()) {
                        idle += (experts.count() - experts.chosen())
                                * bytes(matrixBytes, spec, weights, choice, role, place, 0);
                    }
                } else {
                    all += bytes(matrixBytes, spec, weights, choice, role, place,
                            Weights.NO_EXPERT);
                }
            }
        }
        if (!spec.tiedEmbeddings()) {
            idle += bytes(matrixBytes, spec, weights, choice, WeightRole.TOKEN_EMBEDDING,
                    Weights.NO_LAYER,
                    Weights.NO_EXPERT);
        }
        return new WeightSizes(all, all - idle);
    }

    private static long bytes(ToLongBiFunction<QuantFormat, TensorShape> matrixBytes,
            ModelSpec spec, Weights weights, Choice choice, WeightRole role, int layer,
            int expert) {
        TensorShape shape = role.shape(spec, layer);
        if (!role.isMatrix()) {
            return shape.columns() * Float.BYTES;
        }
        QuantFormat format = choice.format(weights, role, layer, expert);
        return matrixBytes.applyAsLong(format, shape);
    }

    /** Inputs of the widest matrix of a model. */
    public static int widestColumns(ModelSpec spec) {
        int widest = Math.max(spec.embeddingSize(), spec.querySize());
        for (LayerSpec layer : spec.layerSpecs()) {
            widest = Math.max(widest, layer.feedForward().size());
        }
        return Math.max(widest, spec.widestFeedForward());
    }
}

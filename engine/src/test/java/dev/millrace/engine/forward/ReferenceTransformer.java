package dev.millrace.engine.forward;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.util.Arrays;

/**
 * A decoder-only transformer straight from the equations, in double and without a cache: every
 * position is computed anew.
 */
public final class ReferenceTransformer {

    private final ModelSpec spec;
    private final Weights weights;
    private final double[][] hiddenByLayer;

    public ReferenceTransformer(ModelSpec spec, Weights weights) {
        this.spec = spec;
        this.weights = weights;
        hiddenByLayer = new double[spec.layers()][];
    }

    /** Logits of every position, (tokens, vocabulary). */
    public double[][] logits(int[] tokens) {
        double[] hidden = normed(hidden(tokens), WeightRole.OUTPUT_NORM, Weights.NO_LAYER);
        double[] flat = multiply(hidden, spec.tiedEmbeddings()
                ? WeightRole.TOKEN_EMBEDDING
                : WeightRole.OUTPUT, Weights.NO_LAYER, null);
        double[][] logits = new double[tokens.length][];
        for (int i = 0; i < tokens.length; i++) {
            logits[i] = Arrays.copyOfRange(flat, i * spec.vocabularySize(),
                    (i + 1) * spec.vocabularySize());
        }
        return logits;
    }

    /** The normed last states, (tokens, embedding). */
    public double[] normedStates(int[] tokens) {
        return normed(hidden(tokens), WeightRole.OUTPUT_NORM, Weights.NO_LAYER);
    }

    /** The residual stream after a layer of the last call, (tokens, embedding). */
    public double[] hiddenAfter(int layer) {
        return hiddenByLayer[layer];
    }

    private double[] hidden(int[] tokens) {
        int width = spec.embeddingSize();
        double[] hidden = new double[tokens.length * width];
        float[] embeddings = floats(WeightRole.TOKEN_EMBEDDING, Weights.NO_LAYER);
        for (int i = 0; i < hidden.length; i++) {
            hidden[i] = embeddings[tokens[i / width] * width + i % width];
        }
        for (int layer = 0; layer < spec.layers(); layer++) {
            add(hidden, attention(normed(hidden, WeightRole.ATTENTION_NORM, layer), layer));
            add(hidden, feedForward(normed(hidden, WeightRole.FEED_FORWARD_NORM, layer), layer));
            hiddenByLayer[layer] = hidden.clone();
        }
        return hidden;
    }

    private double[] attention(double[] in, int layer) {
        double[] query = multiply(in, WeightRole.QUERY, layer, WeightRole.QUERY_BIAS);
        double[] key = multiply(in, WeightRole.KEY, layer, WeightRole.KEY_BIAS);
        double[] value = multiply(in, WeightRole.VALUE, layer, WeightRole.VALUE_BIAS);
        rotate(query, spec.heads());
        rotate(key, spec.kvHeads());
        int size = spec.headSize();
        int tokens = query.length / spec.querySize();
        double[] out = new double[query.length];
        for (int token = 0; token < tokens; token++) {
            int begin = spec.slidingWindowTokens() == 0
                    ? 0
                    : Math.max(0, token + 1 - spec.slidingWindowTokens());
            for (int head = 0; head < spec.heads(); head++) {
                int kvHead = head / spec.groupHeads();
                int at = token * spec.querySize() + head * size;
                double[] shares = new double[token + 1];
                double total = 0;
                for (int past = begin; past <= token; past++) {
                    double dot = 0;
                    for (int i = 0; i < size; i++) {
                        dot += query[at + i] * key[past * spec.kvSize() + kvHead * size + i];
                    }
                    shares[past] = Math.exp(dot / Math.sqrt(size));
                    total += shares[past];
                }
                for (int past = begin; past <= token; past++) {
                    for (int i = 0; i < size; i++) {
                        out[at + i] += shares[past] / total
                                * value[past * spec.kvSize() + kvHead * size + i];
                    }
                }
            }
        }
        return multiply(out, WeightRole.ATTENTION_OUTPUT, layer, null);
    }

    private void rotate(double[] x, int heads) {
        RopeSpec rope = spec.rope();
        float[] factors = weights.find(WeightRole.ROPE_FACTORS, Weights.NO_LAYER) == null
                ? null
                : floats(WeightRole.ROPE_FACTORS, Weights.NO_LAYER);
        int pairs = rope.dimensions() / 2;
        boolean adjacent = rope.layout() == RopeSpec.Layout.ADJACENT;
        for (int head = 0; head < x.length / spec.headSize(); head++) {
            int position = head / heads;
            for (int pair = 0; pair < pairs; pair++) {
                double angle = position * rope.scale()
                        * Math.pow(rope.base(), -2.0 * pair / rope.dimensions())
                        / (factors == null ? 1 : factors[pair]);
                int first = head * spec.headSize() + (adjacent ? 2 * pair : pair);
                int second = adjacent ? first + 1 : first + pairs;
                double a = x[first];
                double b = x[second];
                x[first] = a * Math.cos(angle) - b * Math.sin(angle);
                x[second] = a * Math.sin(angle) + b * Math.cos(angle);
            }
        }
    }

    private double[] feedForward(double[] in, int layer) {
        double[] gate = multiply(in, WeightRole.GATE, layer, null);
        double[] up = multiply(in, WeightRole.UP, layer, null);
        for (int i = 0; i < gate.length; i++) {
            gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
        }
        return multiply(gate, WeightRole.DOWN, layer, null);
    }

    private double[] normed(double[] x, WeightRole role, int layer) {
        float[] weight = floats(role, layer);
        double[] out = new double[x.length];
        for (int row = 0; row < x.length; row += weight.length) {
            double squares = 0;
            for (int i = 0; i < weight.length; i++) {
                squares += x[row + i] * x[row + i];
            }
            double scale = 1 / Math.sqrt(squares / weight.length + spec.normEpsilon());
            for (int i = 0; i < weight.length; i++) {
                out[row + i] = x[row + i] * scale * weight[i];
            }
        }
        return out;
    }

    /** x times the transposed weight, plus a bias where the model has one. */
    private double[] multiply(double[] x, WeightRole role, int layer, WeightRole biasRole) {
        QuantTensor tensor = weights.get(role, layer);
        int rows = (int) tensor.shape().rows();
        int columns = (int) tensor.shape().columns();
        float[] weight = floats(role, layer);
        float[] bias = biasRole != null && spec.attentionBias()
                ? floats(biasRole, layer)
                : new float[rows];
        int tokens = x.length / columns;
        double[] y = new double[tokens * rows];
        for (int token = 0; token < tokens; token++) {
            for (int row = 0; row < rows; row++) {
                double sum = bias[row];
                for (int column = 0; column < columns; column++) {
                    sum += (double) weight[row * columns + column] * x[token * columns + column];
                }
                y[token * rows + row] = sum;
            }
        }
        return y;
    }

    private static void add(double[] x, double[] y) {
        for (int i = 0; i < x.length; i++) {
            x[i] += y[i];
        }
    }

    private float[] floats(WeightRole role, int layer) {
        QuantTensor tensor = weights.get(role, layer);
        float[] values = new float[Math.toIntExact(tensor.shape().elements())];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }
}

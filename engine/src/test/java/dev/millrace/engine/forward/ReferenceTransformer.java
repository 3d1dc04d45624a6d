package dev.millrace.engine.forward;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.AttentionSpec.HeadNorm;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FeedForwardSpec;
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
        double cap = spec.multipliers().logitSoftCap();
        for (int i = 0; i < flat.length; i++) {
            flat[i] = capped(flat[i] * spec.multipliers().logit(), cap);
        }
        double[][] logits = new double[tokens.length][];
        for (int i = 0; i < tokens.length; i++) {
            logits[i] = Arrays.copyOfRange(flat, i * spec.vocabularySize(),
                    (i + 1) * spec.vocabularySize());
        }
        return logits;
    }

    private static double capped(double x, double cap) {
        return cap == 0 ? x : cap * Math.tanh(x / cap);
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
            hidden[i] = embeddings[tokens[i / width] * width + i % width]
                    * spec.multipliers().embedding();
        }
        for (int layer = 0; layer < spec.layers(); layer++) {
            addBranch(hidden, attention(before(hidden, WeightRole.ATTENTION_NORM, layer), layer),
                    WeightRole.ATTENTION_POST_NORM, layer);
            addBranch(hidden,
                    feedForward(before(hidden, WeightRole.FEED_FORWARD_NORM, layer), layer),
                    WeightRole.FEED_FORWARD_POST_NORM, layer);
            hiddenByLayer[layer] = hidden.clone();
        }
        return hidden;
    }

    private double[] before(double[] hidden, WeightRole norm, int layer) {
        return spec.norm().before() ? normed(hidden, norm, layer) : hidden;
    }

    private void addBranch(double[] hidden, double[] branch, WeightRole norm, int layer) {
        double[] out = spec.norm().after() ? normed(branch, norm, layer) : branch;
        for (int i = 0; i < hidden.length; i++) {
            hidden[i] += spec.multipliers().residual() * out[i];
        }
    }

    private double[] attention(double[] in, int layer) {
        double[] query = multiply(in, WeightRole.QUERY, layer, WeightRole.QUERY_BIAS);
        double[] key = multiply(in, WeightRole.KEY, layer, WeightRole.KEY_BIAS);
        double[] value = multiply(in, WeightRole.VALUE, layer, WeightRole.VALUE_BIAS);
        if (spec.attention().headNorm() != HeadNorm.NONE) {
            query = normed(query, WeightRole.QUERY_NORM, layer);
            key = normed(key, WeightRole.KEY_NORM, layer);
        }
        if (spec.layer(layer).rope() != null) {
            rotate(query, spec.heads(), spec.layer(layer).rope());
            rotate(key, spec.kvHeads(), spec.layer(layer).rope());
        }
        float[] sinks = spec.attention().sinks() ? floats(WeightRole.ATTENTION_SINKS, layer) : null;
        int window = spec.layer(layer).windowTokens();
        int tokens = query.length / spec.querySize();
        double[] out = new double[query.length];
        for (int token = 0; token < tokens; token++) {
            int begin = window == 0 ? 0 : Math.max(0, token + 1 - window);
            for (int head = 0; head < spec.heads(); head++) {
                attend(query, key, value, token, head, begin,
                        sinks == null ? 0 : Math.exp(sinks[head]), out);
            }
        }
        return multiply(out, WeightRole.ATTENTION_OUTPUT, layer,
                WeightRole.ATTENTION_OUTPUT_BIAS);
    }

    /** @param sink what the softmax's sum starts with */
    private void attend(double[] query, double[] key, double[] value, int token, int head,
            int begin, double sink, double[] out) {
        int size = spec.headSize();
        int kvHead = head / spec.groupHeads();
        int at = token * spec.querySize() + head * size;
        double[] shares = new double[token + 1];
        double total = sink;
        for (int past = begin; past <= token; past++) {
            double dot = 0;
            for (int i = 0; i < size; i++) {
                dot += query[at + i] * key[past * spec.kvSize() + kvHead * size + i];
            }
            shares[past] = Math.exp(capped(dot * spec.attention().scale(),
                    spec.attention().softCap()));
            total += shares[past];
        }
        for (int past = begin; past <= token; past++) {
            for (int i = 0; i < size; i++) {
                out[at + i] += shares[past] / total
                        * value[past * spec.kvSize() + kvHead * size + i];
            }
        }
    }

    private void rotate(double[] x, int heads, RopeSpec rope) {
        RotaryFrequencies frequencies = RotaryFrequencies.of(rope, RandomModel.CONTEXT_TOKENS);
        int pairs = rope.dimensions() / 2;
        boolean adjacent = rope.layout() == RopeSpec.Layout.ADJACENT;
        for (int head = 0; head < x.length / spec.headSize(); head++) {
            int position = head / heads;
            for (int pair = 0; pair < pairs; pair++) {
                double angle = position * frequencies.radians()[pair];
                double cosine = frequencies.amplitude() * Math.cos(angle);
                double sine = frequencies.amplitude() * Math.sin(angle);
                int first = head * spec.headSize() + (adjacent ? 2 * pair : pair);
                int second = adjacent ? first + 1 : first + pairs;
                double a = x[first];
                double b = x[second];
                x[first] = a * cosine - b * sine;
                x[second] = a * sine + b * cosine;
            }
        }
    }

    private double[] feedForward(double[] in, int layer) {
        FeedForwardSpec network = spec.layer(layer).feedForward();
        if (network.experts() == null) {
            return gated(in, network.gate(), WeightRole.GATE, WeightRole.UP, WeightRole.DOWN,
                    layer, Weights.NO_EXPERT);
        }
        double[] logits = multiply(in, WeightRole.ROUTER, layer, WeightRole.ROUTER_BIAS);
        double[] out = new double[in.length];
        int width = spec.embeddingSize();
        for (int token = 0; token < in.length / width; token++) {
            double[] one = Arrays.copyOfRange(in, token * width, (token + 1) * width);
            double[] shares = shares(Arrays.copyOfRange(logits, token * network.experts().count(),
                    (token + 1) * network.experts().count()), network.experts());
            for (int expert = 0; expert < shares.length; expert++) {
                if (shares[expert] > 0) {
                    addTo(out, token * width, shares[expert], gated(one, network.gate(),
                            WeightRole.EXPERT_GATE, WeightRole.EXPERT_UP, WeightRole.EXPERT_DOWN,
                            layer, expert));
                }
            }
            if (network.experts().sharedSize() > 0) {
                double logit = multiply(one, WeightRole.SHARED_ROUTER, layer, null)[0];
                addTo(out, token * width, 1 / (1 + Math.exp(-logit)), gated(one, network.gate(),
                        WeightRole.SHARED_GATE, WeightRole.SHARED_UP, WeightRole.SHARED_DOWN,
                        layer, Weights.NO_EXPERT));
            }
        }
        return out;
    }

    private static void addTo(double[] out, int offset, double factor, double[] x) {
        for (int i = 0; i < x.length; i++) {
            out[offset + i] += factor * x[i];
        }
    }

    /** The weight of every expert, 0 for those that are not chosen. */
    private static double[] shares(double[] logits, ExpertSpec experts) {
        double least = Arrays.stream(logits).sorted().toArray()[logits.length - experts.chosen()];
        double all = Arrays.stream(logits).map(Math::exp).sum();
        double chosen = Arrays.stream(logits).filter(logit -> logit >= least).map(Math::exp).sum();
        return Arrays.stream(logits).map(logit -> logit < least
                ? 0
                : Math.exp(logit) / (experts.normalised() ? chosen : all)).toArray();
    }

    private double[] gated(double[] in, GateFunction function, WeightRole gateRole,
            WeightRole upRole, WeightRole downRole, int layer, int expert) {
        double[] gate = multiply(in, gateRole, layer, expert, bias(gateRole));
        double[] up = multiply(in, upRole, layer, expert, bias(upRole));
        for (int i = 0; i < gate.length; i++) {
            gate[i] = gated(function, gate[i], up[i]);
        }
        return multiply(gate, downRole, layer, expert, bias(downRole));
    }

    private static WeightRole bias(WeightRole projection) {
        return switch (projection) {
            case GATE -> WeightRole.GATE_BIAS;
            case UP -> WeightRole.UP_BIAS;
            case DOWN -> WeightRole.DOWN_BIAS;
            case EXPERT_GATE -> WeightRole.EXPERT_GATE_BIAS;
            case EXPERT_UP -> WeightRole.EXPERT_UP_BIAS;
            case EXPERT_DOWN -> WeightRole.EXPERT_DOWN_BIAS;
            default -> null;
        };
    }

    private static double gated(GateFunction function, double gate, double up) {
        return switch (function) {
            case SILU -> gate / (1 + Math.exp(-gate)) * up;
            case GELU_TANH -> 0.5 * gate * (1 + Math.tanh(Math.sqrt(2 / Math.PI)
                    * (gate + 0.044715 * Math.pow(gate, 3)))) * up;
            case CLAMPED_SILU -> {
                double clamped = Math.min(gate, 7);
                yield clamped / (1 + Math.exp(-1.702 * clamped))
                        * (Math.clamp(up, -7, 7) + 1);
            }
        };
    }

    private double[] normed(double[] x, WeightRole role, int layer) {
        float[] weight = floats(role, layer);
        double[] out = new double[x.length];
        for (int row = 0; row < x.length; row += weight.length) {
            double squares = 0;
            for (int i = 0; i < weight.length; i++) {
                squares += x[row + i] * x[row + i];
            }
            double scale = 1 / Math.sqrt(squares / weight.length + spec.norm().epsilon());
            for (int i = 0; i < weight.length; i++) {
                out[row + i] = x[row + i] * scale * weight[i];
            }
        }
        return out;
    }

    private double[] multiply(double[] x, WeightRole role, int layer, WeightRole biasRole) {
        return multiply(x, role, layer, Weights.NO_EXPERT, biasRole);
    }

    /** x times the transposed weight, plus a bias where the model has one. */
    private double[] multiply(double[] x, WeightRole role, int layer, int expert,
            WeightRole biasRole) {
        QuantTensor tensor = weights.get(role, layer, expert);
        int rows = (int) tensor.shape().rows();
        int columns = (int) tensor.shape().columns();
        float[] weight = floats(tensor);
        float[] bias = biasRole != null && biasRole.neededBy(spec, layer)
                ? floats(weights.get(biasRole, layer, expert))
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

    private float[] floats(WeightRole role, int layer) {
        return floats(weights.get(role, layer));
    }

    private static float[] floats(QuantTensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.shape().elements())];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }
}

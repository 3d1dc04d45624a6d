package dev.millrace.bench.oracle;

import dev.millrace.engine.forward.RotaryFrequencies;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.WeightRole;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * A decoder-only transformer as matrix algebra, one token at a time: whatever else is in a step, a
 * token's products have the same shapes, and so the same bits.
 */
final class NdTransformer {

    /** Of a position's angles, for every element of a head: each (1, head size). */
    private record Rotation(INDArray cosines, INDArray sines) {}

    private final ModelSpec spec;
    private final NdWeights weights;
    private final NdCache cache;
    /** (head size, head size): {@code x * turned} is x with each pair turned by a right angle. */
    private final INDArray turned;

    NdTransformer(ModelSpec spec, NdWeights weights, NdCache cache) {
        this.spec = spec;
        this.weights = weights;
        this.cache = cache;
        this.turned = turned(spec);
    }

    /** The normed last state of a token, (1, embedding); its keys and values are then cached. */
    INDArray state(int token, int position, int[] blocks) {
        INDArray hidden = weights.get(WeightRole.TOKEN_EMBEDDING)
                .get(NDArrayIndex.interval(token, token + 1), NDArrayIndex.all()).dup();
        Rotation rotation = rotation(position);
        for (int layer = 0; layer < spec.layers(); layer++) {
            hidden.addi(attention(normed(hidden, weights.get(WeightRole.ATTENTION_NORM, layer)),
                    layer, position, rotation, blocks));
            hidden.addi(feedForward(
                    normed(hidden, weights.get(WeightRole.FEED_FORWARD_NORM, layer)), layer));
        }
        return normed(hidden, weights.get(WeightRole.OUTPUT_NORM));
    }

    /** (1, vocabulary) */
    INDArray logits(INDArray state) {
        return multiply(state, weights.get(spec.tiedEmbeddings()
                ? WeightRole.TOKEN_EMBEDDING
                : WeightRole.OUTPUT));
    }

    private static INDArray multiply(INDArray x, INDArray weight) {
        return x.mmul(weight.transpose());
    }

    private INDArray normed(INDArray x, INDArray weight) {
        double meanSquare = x.mul(x).meanNumber().doubleValue();
        return x.div(Math.sqrt(meanSquare + spec.norm().epsilon())).muli(weight);
    }

    private INDArray feedForward(INDArray x, int layer) {
        INDArray gate = multiply(x, weights.get(WeightRole.GATE, layer));
        INDArray up = multiply(x, weights.get(WeightRole.UP, layer));
        return multiply(Transforms.sigmoid(gate, true).muli(gate).muli(up),
                weights.get(WeightRole.DOWN, layer));
    }

    private INDArray attention(INDArray x, int layer, int position, Rotation rotation,
            int[] blocks) {
        INDArray query = rotated(projected(x, WeightRole.QUERY, WeightRole.QUERY_BIAS, layer),
                spec.heads(), rotation);
        INDArray key = rotated(projected(x, WeightRole.KEY, WeightRole.KEY_BIAS, layer),
                spec.kvHeads(), rotation);
        INDArray value = projected(x, WeightRole.VALUE, WeightRole.VALUE_BIAS, layer);
        cache.store(layer, blocks, position, key, value);
        int window = spec.layer(layer).windowTokens();
        int begin = window == 0 ? 0 : Math.max(0, position + 1 - window);
        INDArray keys = cache.keys(layer, blocks, begin, position + 1);
        INDArray values = cache.values(layer, blocks, begin, position + 1);
        INDArray heads = query.reshape('c', spec.heads(), spec.headSize());
        INDArray attended = Nd4j.create(spec.heads(), spec.headSize());
        for (int kvHead = 0; kvHead < spec.kvHeads(); kvHead++) {
            var group = NDArrayIndex.interval(kvHead * spec.groupHeads(),
                    (kvHead + 1) * spec.groupHeads());
            var columns = NDArrayIndex.interval(kvHead * spec.headSize(),
                    (kvHead + 1) * spec.headSize());
            INDArray scores = multiply(heads.get(group, NDArrayIndex.all()).dup(),
                    keys.get(NDArrayIndex.all(), columns).dup())
                    .muli(spec.attention().scale());
            attended.put(new INDArrayIndex[]{group, NDArrayIndex.all()},
                    Transforms.softmax(scores, false)
                            .mmul(values.get(NDArrayIndex.all(), columns).dup()));
        }
        return multiply(attended.reshape('c', 1, spec.querySize()),
                weights.get(WeightRole.ATTENTION_OUTPUT, layer));
    }

    private INDArray projected(INDArray x, WeightRole role, WeightRole bias, int layer) {
        INDArray y = multiply(x, weights.get(role, layer));
        return spec.attention().bias() ? y.addi(weights.get(bias, layer)) : y;
    }

    /** Softmax of each row. */
    private static INDArray shares(INDArray scores) {
        INDArray powers = Transforms.exp(scores.subiColumnVector(scores.max(true, 1)), false);
        return powers.diviColumnVector(powers.sum(true, 1));
    }

    /** Turns the pairs of each head, of (1, heads x head size). */
    private INDArray rotated(INDArray x, int heads, Rotation rotation) {
        INDArray byHead = x.reshape('c', heads, spec.headSize());
        return byHead.mulRowVector(rotation.cosines)
                .addi(byHead.mmul(turned).muliRowVector(rotation.sines))
                .reshape('c', 1, x.length());
    }

    private Rotation rotation(int position) {
        RopeSpec rope = spec.layer(0).rope();
        RotaryFrequencies frequencies = RotaryFrequencies.of(rope, spec.contextTokens());
        float[] cosines = new float[spec.headSize()];
        float[] sines = new float[spec.headSize()];
        Arrays.fill(cosines, 1); // elements beyond the pairs stay as they are
        for (int pair = 0; pair < rope.dimensions() / 2; pair++) {
            double angle = position * frequencies.radians()[pair];
            for (int element : new int[]{first(rope, pair), second(rope, pair)}) {
                cosines[element] = (float) Math.cos(angle);
                sines[element] = (float) Math.sin(angle);
            }
        }
        long[] shape = {1, spec.headSize()};
        return new Rotation(Nd4j.create(cosines, shape, 'c'), Nd4j.create(sines, shape, 'c'));
    }

    private static INDArray turned(ModelSpec spec) {
        RopeSpec rope = spec.layer(0).rope();
        INDArray turned = Nd4j.zeros(spec.headSize(), spec.headSize());
        for (int pair = 0; pair < rope.dimensions() / 2; pair++) {
            turned.putScalar(second(rope, pair), first(rope, pair), -1);
            turned.putScalar(first(rope, pair), second(rope, pair), 1);
        }
        return turned;
    }

    private static int first(RopeSpec rope, int pair) {
        return rope.layout() == RopeSpec.Layout.ADJACENT ? 2 * pair : pair;
    }

    private static int second(RopeSpec rope, int pair) {
        return first(rope, pair)
                + (rope.layout() == RopeSpec.Layout.ADJACENT ? 1 : rope.dimensions() / 2);
    }
}

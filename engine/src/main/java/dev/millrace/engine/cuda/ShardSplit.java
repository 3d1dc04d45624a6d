package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.models.AttentionSpec;
import dev.millrace.models.AttentionSpec.HeadNorm;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.ToIntFunction;

/**
 * How a model is shared out among devices: attention by KV heads, feed-forward networks and every
 * expert by their width. Each device has a smaller model of the same embedding, whose branches'
 * outputs add up to the whole model's. Shares may differ by a block of a weight format: where
 * columns are shared out, blocks stay whole.
 */
final class ShardSplit {

    /** Columns that the kernels multiply by at once. */
    private static final int USUAL_UNIT = 128;

    private final ModelSpec spec;
    private final int devices;
    private final int headUnit; // KV heads that stay together
    private final int networkUnit; // widths of networks are shared out in these
    private final int sharedUnit;

    /** Some of a run of elements. */
    record Slice(int first, int count) {

        Slice times(int factor) {
            return new Slice(first * factor, count * factor);
        }
    }

    /** @throws BackendException if some device would be left with nothing; says what there is */
    ShardSplit(ModelSpec spec, Weights weights, int devices) {
        this.spec = spec;
        this.devices = devices;
        int block = block(spec, weights, Set.of(WeightRole.ATTENTION_OUTPUT));
        int headColumns = spec.groupHeads() * spec.headSize();
        headUnit = block / greatestDivisor(block, headColumns);
        require(Math.ceilDiv(spec.kvHeads(), headUnit), spec.kvHeads() + " KV heads"
                + (headUnit == 1
                        ? ""
                        : ", which blocks of " + block + " weights keep together by "
                                + headUnit));
        networkUnit = unit(block(spec, weights, Set.of(WeightRole.DOWN, WeightRole.EXPERT_DOWN)),
                FeedForwardSpec::size);
        sharedUnit = unit(block(spec, weights, Set.of(WeightRole.SHARED_DOWN)),
                ShardSplit::sharedSize);
    }

    /** The largest block of matrices of some roles; all blocks are powers of two. */
    private static int block(ModelSpec spec, Weights weights, Set<WeightRole> roles) {
        int largest = 1;
        for (int layer = 0; layer < spec.layers(); layer++) {
            for (WeightRole role : roles) {
                if (role.neededBy(spec, layer)) {
                    QuantFormat format = weights.format(role, layer,
                            role.perExpert() ? 0 : Weights.NO_EXPERT);
                    largest = Math.max(largest, format == null ? 1 : format.blockElements());
                }
            }
        }
        return largest;
    }

    private static int greatestDivisor(int a, int b) {
        return b == 0 ? a : greatestDivisor(b, a % b);
    }

    private static int sharedSize(FeedForwardSpec network) {
        return network.experts() == null ? 0 : network.experts().sharedSize();
    }

    /** What the kernels like, unless a network is too narrow for it. */
    private int unit(int block, ToIntFunction<FeedForwardSpec> size) {
        int narrowest = spec.layerSpecs().stream().map(LayerSpec::feedForward)
                .mapToInt(size).filter(width -> width > 0).min().orElse(Integer.MAX_VALUE);
        int usual = Math.max(block, USUAL_UNIT);
        if (narrowest / usual >= devices) {
            return usual;
        }
        require(narrowest / block, "feed-forward networks of width " + narrowest
                + " in blocks of " + block);
        return block;
    }

    private void require(int parts, String what) {
        if (parts < devices) {
            throw new BackendException(spec.name() + " has " + what + ", too few for " + devices
                    + " GPUs; use at most " + Math.max(1, parts));
        }
    }

    /** Rows that a device has of a matrix; null for all of them. */
    Slice rows(WeightRole role, int layer, int device) {
        return switch (role) {
            case QUERY -> queries(device);
            case KEY, VALUE -> keys(device);
            case GATE, UP, EXPERT_GATE, EXPERT_UP -> network(layer, device);
            case SHARED_GATE, SHARED_UP -> shared(layer, device);
            default -> null;
        };
    }

    /** Columns that a device has of a matrix, or elements of a vector; null for all of them. */
    Slice columns(WeightRole role, int layer, int device) {
        boolean allHeads = spec.attention().headNorm() == HeadNorm.ALL_HEADS;
        return switch (role) {
            case QUERY_BIAS, ATTENTION_OUTPUT -> queries(device);
            case KEY_BIAS, VALUE_BIAS -> keys(device);
            case QUERY_NORM -> allHeads ? queries(device) : null;
            case KEY_NORM -> allHeads ? keys(device) : null;
            case ATTENTION_SINKS -> heads(device).times(spec.groupHeads());
            case GATE_BIAS, UP_BIAS, EXPERT_GATE_BIAS, EXPERT_UP_BIAS, DOWN, EXPERT_DOWN ->
                network(layer, device);
            case SHARED_DOWN -> shared(layer, device);
            default -> null;
        };
    }

    /** Elements of the queries of a device's heads. */
    private Slice queries(int device) {
        return keys(device).times(spec.groupHeads());
    }

    private Slice keys(int device) {
        return heads(device).times(spec.headSize());
    }

    /** KV heads of a device. */
    Slice heads(int device) {
        return slice(spec.kvHeads(), headUnit, device);
    }

    /** Elements of a layer's network, or of each of its experts. */
    private Slice network(int layer, int device) {
        return slice(spec.layer(layer).feedForward().size(), networkUnit, device);
    }

    /** Elements of the network beside a layer's experts. */
    private Slice shared(int layer, int device) {
        return slice(sharedSize(spec.layer(layer).feedForward()), sharedUnit, device);
    }

    private Slice slice(int total, int unit, int device) {
        int first = edge(total, unit, device);
        return new Slice(first, edge(total, unit, device + 1) - first);
    }

    /** Where a device's share begins; shares grow with the device, for the first has the head. */
    private int edge(int total, int unit, int device) {
        return Math.min(total, unit * (int) ((long) Math.ceilDiv(total, unit) * device / devices));
    }

    /** A device's model. Only the first one multiplies by the output matrix. */
    ModelSpec shard(int device) {
        AttentionSpec whole = spec.attention();
        int kvHeads = heads(device).count();
        AttentionSpec attention = new AttentionSpec(kvHeads * spec.groupHeads(), kvHeads,
                whole.headSize(), whole.scale(), whole.softCap(), whole.bias(),
                whole.outputBias(), whole.headNorm(), whole.sinks());
        List<LayerSpec> layers = new ArrayList<>();
        for (int layer = 0; layer < spec.layers(); layer++) {
            FeedForwardSpec network = spec.layer(layer).feedForward();
            ExpertSpec experts = network.experts();
            layers.add(spec.layer(layer).withFeedForward(new FeedForwardSpec(
                    network(layer, device).count(), network.gate(), network.bias(),
                    experts == null
                            ? null
                            : experts.withSharedSize(shared(layer, device).count()))));
        }
        return spec.withAttention(attention).withLayers(layers)
                .withTiedEmbeddings(spec.tiedEmbeddings() || device > 0);
    }
}

package dev.millrace.models;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.OrderedTensor;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.safetensors.Checkpoint;
import dev.millrace.models.safetensors.CheckpointTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A checkpoint's tensors by role: all there, each of the shape that the spec asks for, no more. */
final class HfWeights implements Weights {

    /** Rotary tables that old versions of transformers saved; they follow from the config. */
    private static final String IGNORED_SUFFIX = ".rotary_emb.inv_freq";

    /** Gates and up projections, down projections, and their biases. */
    private static final int BANKS_KEPT = 4;

    private final Checkpoint checkpoint;
    private final HfFamily family;
    private final ModelSpec spec;
    private final HfPrefix prefix;
    private final long totalBytes;
    private final Map<String, QuantTensor> recentBanks = new HashMap<>();

    /** @throws ModelException naming the tensors that are missing, misshapen or not understood */
    HfWeights(Checkpoint checkpoint, HfFamily family, ModelSpec spec) {
        this.checkpoint = checkpoint;
        this.family = family;
        this.spec = spec;
        this.prefix = HfPrefix.of(checkpoint);
        Set<String> bound = new LinkedHashSet<>();
        Set<String> missing = new LinkedHashSet<>();
        for (WeightRole role : WeightRole.values()) {
            for (int layer = 0; layer < (role.perLayer() ? spec.layers() : 1); layer++) {
                if (role.neededBy(spec, layer)) {
                    bindAll(role, layer, bound, missing);
                }
            }
        }
        if (!missing.isEmpty()) {
            throw new ModelException(checkpoint.source() + " lacks " + missing.size()
                    + " of the tensors that " + spec.architecture() + " needs: "
                    + TensorNames.some(List.copyOf(missing)));
        }
        refuseOthers(bound);
        totalBytes = bound.stream().flatMap(name -> checkpoint.find(name).stream())
                .mapToLong(CheckpointTensor::bytes).reduce(0, Math::addExact);
    }

    private void bindAll(WeightRole role, int layer, Set<String> bound, Set<String> missing) {
        boolean stacked = isStacked(role, layer);
        int copies = role.perExpert() && !stacked
                ? spec.layer(layer).feedForward().experts().count()
                : 1;
        for (int expert = 0; expert < copies; expert++) {
            String name = stacked ? stackedName(role, layer) : name(role, layer, expert);
            CheckpointTensor tensor = checkpoint.find(name).orElse(null);
            if (tensor == null) {
                missing.add(name);
                continue;
            }
            TensorShape expected = stacked
                    ? stacked(layer).shape(role, tensor.format())
                    : GgufNames.fusedShape(family.family(), role, spec, layer);
            if (!tensor.shape().equals(expected)) {
                throw new ModelException(checkpoint.source() + ": tensor " + name + " is "
                        + tensor.shape() + ", but the config asks for " + expected);
            }
            bound.add(name);
        }
    }

    private String name(WeightRole role, int layer, int expert) {
        return prefix.apply(family.name(role, layer, expert));
    }

    private String stackedName(WeightRole role, int layer) {
        return prefix.apply(StackedExperts.name(role, layer));
    }

    private boolean isStacked(WeightRole role, int layer) {
        return role.perExpert() && (family == HfFamily.GPT_OSS || checkpoint
                .find(stackedName(WeightRole.EXPERT_GATE, layer)).isPresent());
    }

    private StackedExperts stacked(int layer) {
        return new StackedExperts(family, spec.layer(layer).feedForward(), spec.embeddingSize());
    }

    @Override
    public QuantTensor find(WeightRole role, int layer, int expert) {
        WeightPlaces.check(spec, role, layer, expert);
        if (!role.neededBy(spec, layer)) {
            return null;
        }
        if (isStacked(role, layer)) {
            return stacked(layer).take(role, expert, bank(stackedName(role, layer)));
        }
        QuantTensor whole = checkpoint.read(checkpoint.find(name(role, layer, expert))
                .orElseThrow());
        if (family.offsetsNorms() && role.isNorm()) {
            return plusOne(whole);
        }
        return GgufNames.part(family.family(), role, spec, layer, whole);
    }

    @Override
    public QuantFormat format(WeightRole role, int layer, int expert) {
        WeightPlaces.check(spec, role, layer, expert);
        if (!role.neededBy(spec, layer)) {
            return null;
        }
        if (family.offsetsNorms() && role.isNorm()) {
            return QuantFormat.F32;
        }
        return checkpoint.find(isStacked(role, layer)
                ? stackedName(role, layer)
                : name(role, layer, expert)).orElseThrow().format();
    }

    @Override
    public OrderedTensor findOrdered(WeightRole role, int layer, int expert) {
        if (orderedFormat(role, layer, expert) == null) {
            return null;
        }
        OrderedTensor whole = checkpoint.readOrdered(checkpoint.find(name(role, layer, expert))
                .orElseThrow());
        return new OrderedTensor(GgufNames.part(family.family(), role, spec, layer,
                whole.tensor()), whole.order());
    }

    @Override
    public QuantFormat orderedFormat(WeightRole role, int layer, int expert) {
        WeightPlaces.check(spec, role, layer, expert);
        return !role.neededBy(spec, layer) || isStacked(role, layer)
                ? null
                : checkpoint.find(name(role, layer, expert)).orElseThrow().ordered();
    }

    /** All experts' weights; kept for a while, because some checkpoints make them anew. */
    private synchronized QuantTensor bank(String name) {
        QuantTensor bank = recentBanks.get(name);
        if (bank == null) {
            bank = checkpoint.read(checkpoint.find(name).orElseThrow());
            if (recentBanks.size() == BANKS_KEPT) {
                recentBanks.clear();
            }
            recentBanks.put(name, bank);
        }
        return bank;
    }

    private static QuantTensor plusOne(QuantTensor weight) {
        int count = Math.toIntExact(weight.shape().elements());
        float[] values = new float[count];
        new Dequantizer(weight.format()).dequantize(weight, 0, count, values, 0);
        MemorySegment data = Arena.ofAuto().allocate((long) count * Float.BYTES, Float.BYTES);
        for (int i = 0; i < count; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i] + 1);
        }
        return QuantTensor.of(QuantFormat.F32, weight.shape(), data);
    }

    @Override
    public long totalBytes() {
        return totalBytes;
    }

    /** A tensor that nobody reads would be a computation that nobody makes. */
    private void refuseOthers(Set<String> bound) {
        Set<String> ignored = new HashSet<>(bound);
        if (spec.tiedEmbeddings()) {
            ignored.add(name(WeightRole.OUTPUT, NO_LAYER, NO_EXPERT));
        }
        List<String> others = checkpoint.tensors().stream().map(CheckpointTensor::name)
                .filter(name -> !ignored.contains(name) && !name.endsWith(IGNORED_SUFFIX)
                        && !prefix.isForeign(name))
                .toList();
        TensorNames.refuseOthers(checkpoint.source(), spec, others);
    }
}

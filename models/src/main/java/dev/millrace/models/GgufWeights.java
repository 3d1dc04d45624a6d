package dev.millrace.models;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufTensor;
import dev.millrace.models.gguf.GgufTensorType;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A GGUF file's tensors by role: all there, each of the shape that the spec asks for, no more. */
final class GgufWeights implements Weights {

    /** Rotary tables that old converters wrote; they follow from the metadata. */
    private static final String IGNORED_SUFFIX = ".attn_rot_embd.weight";

    private final GgufFile file;
    private final ModelFamily family;
    private final ModelSpec spec;
    private final long totalBytes;

    /** @throws ModelException naming the tensors that are missing, misshapen or not understood */
    GgufWeights(GgufFile file, ModelFamily family, ModelSpec spec) {
        this.file = file;
        this.family = family;
        this.spec = spec;
        Set<String> bound = new LinkedHashSet<>(GgufRope.tensors(file));
        Set<String> missing = new LinkedHashSet<>();
        for (WeightRole role : WeightRole.values()) {
            for (int layer = 0; layer < (role.perLayer() ? spec.layers() : 1); layer++) {
                if (role.neededBy(spec, layer)) {
                    bind(role, layer, bound, missing);
                }
            }
        }
        if (!missing.isEmpty()) {
            throw new ModelException(file.source() + " lacks " + missing.size()
                    + " of the tensors that " + spec.architecture() + " needs: "
                    + TensorNames.some(List.copyOf(missing))
                    + "; the file is incomplete, so convert it again");
        }
        refuseOthers(bound);
        this.totalBytes = bound.stream().flatMap(name -> file.find(name).stream())
                .mapToLong(GgufTensor::bytes).reduce(0, Math::addExact);
    }

    private void bind(WeightRole role, int layer, Set<String> bound, Set<String> missing) {
        String name = GgufNames.of(family, role, layer);
        GgufTensor tensor = file.find(name).orElse(null);
        if (tensor == null) {
            missing.add(name);
            return;
        }
        TensorShape expected = GgufNames.shape(family, role, spec, layer);
        if (!tensor.shape().equals(expected)) {
            throw new ModelException(file.source() + ": tensor " + tensor.name() + " is "
                    + tensor.shape() + ", but the metadata asks for " + expected);
        }
        bound.add(name);
    }

    @Override
    public QuantTensor find(WeightRole role, int layer, int expert) {
        WeightPlaces.check(spec, role, layer, expert);
        if (!role.neededBy(spec, layer)) {
            return null;
        }
        GgufTensor tensor = file.find(GgufNames.of(family, role, layer)).orElseThrow();
        QuantTensor whole = read(file, tensor);
        if (role.perExpert()) {
            return whole.shape().planes() == 1 ? whole.rows(expert, 1) : whole.plane(expert);
        }
        return GgufNames.part(family, role, spec, layer, whole);
    }

    /** @throws ModelException naming near misses if there is no such tensor; and as below */
    static QuantTensor readNamed(GgufFile file, String name) {
        return read(file, file.find(name).orElseThrow(() -> new ModelException(
                "there is no tensor \"" + name + "\" in " + file.source() + NearMisses.hint(name,
                        file.tensors().stream().map(GgufTensor::name).toList()))));
    }

    /** @throws ModelException if no kernel computes the tensor's type */
    static QuantTensor read(GgufFile file, GgufTensor tensor) {
        QuantFormat format = tensor.type().format().orElseThrow(() -> new ModelException(
                file.source() + ": tensor " + tensor.name() + " is " + tensor.type()
                        + ", which this version does not compute; it computes "
                        + GgufTensorType.computable()));
        return QuantTensor.of(format, tensor.shape(), file.blocks(tensor));
    }

    @Override
    public Optional<WeightSource> source() {
        return Optional.of(new WeightSource(Path.of(file.source()).toAbsolutePath(),
                file.identity()));
    }

    @Override
    public long totalBytes() {
        return totalBytes;
    }

    /** A tensor that nobody reads would be a computation that nobody makes. */
    private void refuseOthers(Set<String> bound) {
        List<String> others = file.tensors().stream().map(GgufTensor::name)
                .filter(name -> !bound.contains(name) && !name.endsWith(IGNORED_SUFFIX)).toList();
        TensorNames.refuseOthers(file.source(), spec, others);
    }
}

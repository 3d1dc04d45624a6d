package dev.millrace.models;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufTensor;
import dev.millrace.models.gguf.GgufTensorType;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A GGUF file's tensors by role: all there, each of the shape that the spec asks for, no more. */
final class GgufWeights implements Weights {

    /** Names in one message. */
    private static final int MAX_NAMES_SHOWN = 5;
    /** Rotary tables that old converters wrote; they follow from the metadata. */
    private static final String IGNORED_SUFFIX = ".attn_rot_embd.weight";

    private final GgufFile file;
    private final int layers;
    private final long totalBytes;

    /** @throws ModelException naming the tensors that are missing, misshapen or not understood */
    GgufWeights(GgufFile file, ModelSpec spec) {
        this.file = file;
        this.layers = spec.layers();
        Set<String> bound = new HashSet<>();
        List<String> missing = new ArrayList<>();
        long bytes = 0;
        for (WeightRole role : WeightRole.values()) {
            for (int layer = 0; layer < (role.perLayer() ? layers : 1); layer++) {
                String name = GgufNames.of(role, layer);
                GgufTensor tensor = file.find(name).orElse(null);
                if (tensor != null) {
                    checkShape(tensor, role, spec);
                    bound.add(name);
                    bytes = Math.addExact(bytes, tensor.bytes());
                } else if (role.neededBy(spec)) {
                    missing.add(name);
                }
            }
        }
        if (!missing.isEmpty()) {
            throw new ModelException(file.source() + " lacks " + missing.size()
                    + " of the tensors that " + spec.architecture() + " needs: "
                    + shown(missing) + "; the file is incomplete, so convert it again");
        }
        refuseOthers(bound, spec);
        this.totalBytes = bytes;
    }

    @Override
    public QuantTensor find(WeightRole role, int layer) {
        boolean layerFits = role.perLayer() ? layer >= 0 && layer < layers : layer == NO_LAYER;
        if (!layerFits) {
            throw new IllegalArgumentException(role.perLayer()
                    ? role + " needs a layer from 0 to " + (layers - 1) + ", got " + layer
                    : role + " belongs to no layer, got layer " + layer);
        }
        return file.find(GgufNames.of(role, layer)).map(tensor -> read(file, tensor)).orElse(null);
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
    public long totalBytes() {
        return totalBytes;
    }

    private void checkShape(GgufTensor tensor, WeightRole role, ModelSpec spec) {
        TensorShape expected = role.shape(spec);
        if (!tensor.shape().equals(expected)) {
            throw new ModelException(file.source() + ": tensor " + tensor.name() + " is "
                    + tensor.shape() + ", but the metadata asks for " + expected);
        }
    }

    /** A tensor that nobody reads would be a computation that nobody makes. */
    private void refuseOthers(Set<String> bound, ModelSpec spec) {
        List<String> others = file.tensors().stream().map(GgufTensor::name)
                .filter(name -> !bound.contains(name) && !name.endsWith(IGNORED_SUFFIX)).toList();
        if (!others.isEmpty()) {
            throw new ModelException(file.source() + " has " + others.size() + " tensors that "
                    + spec.architecture() + " with " + spec.layers()
                    + " layers does not use: " + shown(others)
                    + "; it was made for a variant that this version does not compute");
        }
    }

    private static String shown(List<String> names) {
        String first = String.join(", ", names.subList(0, Math.min(MAX_NAMES_SHOWN,
                names.size())));
        return names.size() > MAX_NAMES_SHOWN ? first + ", ..." : first;
    }
}

package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.ShortLivedMemory;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.RopeSpec.Layout;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Gathers the halves of an adapter's pairs from a file of any kind, and checks them against the
 * base model: both there, of one rank, and of the shapes of what they change.
 */
final class LoraCollector {

    /** Beyond all that is in use, and small enough for buffers of this width. */
    private static final int MOST_RANK = 1024;

    private final String source;
    private final ModelSpec base;
    private final Layout layout;
    private final Map<String, Halves> targets = new LinkedHashMap<>();

    /** One projection as the adapter's files name it, or several that are one matrix there. */
    private static final class Halves {
        private final List<WeightRole> roles;
        private final int layer;
        private QuantTensor a;
        private QuantTensor b;

        Halves(List<WeightRole> roles, int layer) {
            this.roles = roles;
            this.layer = layer;
        }
    }

    /**
     * @param source of messages
     * @param layout how rotating pairs lie in the adapter's rows of queries and keys
     */
    LoraCollector(String source, ModelSpec base, Layout layout) {
        this.source = source;
        this.base = base;
        this.layout = layout;
    }

    /**
     * Takes one matrix.
     *
     * @param target what the files call the projection
     * @param roles  what it is; several where the files fuse them, in the order of their rows
     * @param first  whether it is the matrix A
     * @throws ModelException if the base model has no such projection
     */
    void add(String target, List<WeightRole> roles, int layer, boolean first, QuantTensor matrix) {
        if (layer >= base.layers()) {
            throw new ModelException(source + " changes " + target + ", but " + base.name()
                    + " has layers 0 to " + (base.layers() - 1) + " only" + otherBase());
        }
        if (!roles.getFirst().neededBy(base, layer)) {
            throw new ModelException(source + " changes " + target + ", which " + base.name()
                    + " does not have: it has experts there" + otherBase());
        }
        Halves halves = targets.computeIfAbsent(target, key -> new Halves(roles, layer));
        if (first) {
            halves.a = matrix;
        } else {
            halves.b = matrix;
        }
    }

    /**
     * All pairs by place.
     *
     * @param scale of a target, given its name and rank
     * @throws ModelException if there are none, or one is not as the base model needs it
     */
    Map<LoraAdapter.Place, LoraPair> collect(Scale scale) {
        if (targets.isEmpty()) {
            throw new ModelException(source + " holds no LoRA matrices");
        }
        Map<LoraAdapter.Place, LoraPair> pairs = new LinkedHashMap<>();
        targets.forEach((target, halves) -> {
            check(target, halves);
            float factor = scale.of(target, (int) halves.a.shape().rows());
            long firstRow = 0;
            for (WeightRole role : halves.roles) {
                long rows = role.shape(base, halves.layer).rows();
                QuantTensor b = halves.roles.size() == 1
                        ? halves.b
                        : halves.b.rows(firstRow, rows);
                firstRow += rows;
                LoraAdapter.Place place = new LoraAdapter.Place(role, halves.layer);
                if (pairs.put(place, new LoraPair(halves.a, inModelOrder(role, b),
                        factor)) != null) {
                    throw new ModelException(source + " changes " + target + " twice, by itself"
                            + " and together with others");
                }
            }
        });
        return pairs;
    }

    /** The factor of a target of some rank. */
    @FunctionalInterface
    interface Scale {
        float of(String target, int rank);
    }

    private void check(String target, Halves halves) {
        if (halves.a == null || halves.b == null) {
            throw new ModelException(source + " has only one of the two LoRA matrices of " + target
                    + "; the file is incomplete, so download it again");
        }
        TensorShape a = halves.a.shape();
        TensorShape b = halves.b.shape();
        long inputs = halves.roles.getFirst().shape(base, halves.layer).columns();
        long outputs = halves.roles.stream()
                .mapToLong(role -> role.shape(base, halves.layer).rows()).sum();
        if (a.planes() != 1 || b.planes() != 1 || a.columns() != inputs || b.rows() != outputs) {
            throw new ModelException(source + ": the LoRA matrices of " + target + " are A " + a
                    + " and B " + b + ", for a weight of " + b.rows() + " x " + a.columns()
                    + ", but that of " + base.name() + " is " + outputs + " x " + inputs
                    + otherBase());
        }
        if (a.rows() != b.columns()) {
            throw new ModelException(source + ": the LoRA matrices of " + target + " are A " + a
                    + " and B " + b + ", of ranks " + a.rows() + " and " + b.columns()
                    + "; the file is damaged, so download it again");
        }
        if (a.rows() > MOST_RANK) {
            throw new ModelException(source + ": the LoRA matrices of " + target + " have rank "
                    + a.rows() + "; at most " + MOST_RANK + " is allowed");
        }
    }

    private static String otherBase() {
        return "; the adapter was made for another base model, so serve it with that one";
    }

    /** The rows of a matrix B in the order of the base model's: rotating pairs as it has them. */
    private QuantTensor inModelOrder(WeightRole role, QuantTensor b) {
        RopeSpec rope = base.layerSpecs().stream().map(LayerSpec::rope)
                .filter(each -> each != null).findFirst().orElse(null);
        boolean turns = role == WeightRole.QUERY || role == WeightRole.KEY;
        return !turns || rope == null || rope.layout() == layout
                ? b
                : reordered(b, base.headSize(), rope.dimensions(),
                        rope.layout() == Layout.ADJACENT);
    }

    /**
     * Rows in another order within each head.
     *
     * @param toAdjacent whether to bring halves side by side, or the other way round
     */
    private static QuantTensor reordered(QuantTensor b, int headSize, int dimensions,
            boolean toAdjacent) {
        MemorySegment ordered = ShortLivedMemory.allocate(b.data().byteSize());
        for (long row = 0; row < b.shape().rows(); row++) {
            long adjacent = row % headSize;
            long halves = adjacent >= dimensions
                    ? adjacent
                    : adjacent / 2 + adjacent % 2 * (dimensions / 2);
            long head = row - adjacent;
            long from = head + (toAdjacent ? halves : adjacent);
            long to = head + (toAdjacent ? adjacent : halves);
            MemorySegment.copy(b.data(), from * b.rowBytes(), ordered, to * b.rowBytes(),
                    b.rowBytes());
        }
        return QuantTensor.of(b.format(), b.shape(), ordered);
    }
}

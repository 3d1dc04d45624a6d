package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.CudaLayer.Experts;
import dev.millrace.engine.cuda.CudaLayer.Gated;
import dev.millrace.engine.cuda.CudaLayer.Rotary;
import dev.millrace.engine.forward.RotaryTable;
import dev.millrace.engine.forward.WeightShapes;
import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.OrderedTensor;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaKernels;
import dev.millrace.kernels.cuda.CudaMatrix;
import dev.millrace.kernels.cuda.CudaProduct;
import dev.millrace.kernels.cuda.CudaProduct.Part;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Brings a model's weights onto the device, one by one through a piece of pinned memory. */
final class CudaWeightLoader {

    private final CudaKernels kernels;
    private final CudaDevice device;
    private final WorkerPool pool;
    private final ModelSpec spec;
    private final Weights weights;
    private final CudaBuffers buffers;
    private final ColumnOrders orders;
    private final MemorySegment staging;
    private final DeviceLayout matrices;
    private final DeviceLayout tables;
    private final Map<RopeSpec, Rotary> rotary = new HashMap<>();
    private long nextVector;
    private long nextDescriptor;

    /**
     * @param orders  where orders of columns go
     * @param staging pinned memory
     * @param address of memory for the matrices
     * @param vectors address of memory for norms and biases
     * @param tables  address of {@link #tableBytes}
     */
    CudaWeightLoader(CudaKernels kernels, WorkerPool pool, ModelSpec spec, Weights weights,
            CudaBuffers buffers, ColumnOrders orders, MemorySegment staging, long address,
            long vectors, long tables) {
        this.kernels = kernels;
        this.device = kernels.device();
        this.pool = pool;
        this.spec = spec;
        this.weights = weights;
        this.buffers = buffers;
        this.orders = orders;
        this.staging = staging;
        matrices = new DeviceLayout(address);
        nextVector = vectors;
        nextDescriptor = buffers.descriptors;
        this.tables = new DeviceLayout(tables);
    }

    /** Bytes that rotary tables take. */
    static long tableBytes(ModelSpec spec, int positions) {
        DeviceLayout layout = new DeviceLayout(0);
        for (RopeSpec rope : RotaryTable.distinct(spec)) {
            long floats = (long) positions * (rope.dimensions() / 2);
            layout.floats(floats);
            layout.floats(floats);
        }
        return layout.taken();
    }

    CudaWeights load(int contextTokens) {
        RotaryTable.all(spec, contextTokens).forEach((rope, table) -> rotary.put(rope,
                new Rotary(table.pairs(), table.adjacent(),
                        upload(table.cosines(), tables.floats(table.cosines().length)),
                        upload(table.sines(), tables.floats(table.sines().length)))));
        CudaMatrix embedding = matrix(WeightRole.TOKEN_EMBEDDING, Weights.NO_LAYER,
                Weights.NO_EXPERT);
        CudaMatrix output = spec.tiedEmbeddings()
                ? embedding
                : matrix(WeightRole.OUTPUT, Weights.NO_LAYER, Weights.NO_EXPERT);
        long outputNorm = vector(WeightRole.OUTPUT_NORM, Weights.NO_LAYER, Weights.NO_EXPERT);
        List<CudaLayer> layers = new ArrayList<>();
        for (int layer = 0; layer < spec.layers(); layer++) {
            layers.add(layer(layer));
        }
        return new CudaWeights(product(List.of(new Part(embedding, 0, 0))), layers, outputNorm,
                product(List.of(new Part(output, 0, buffers.logits))));
    }

    private CudaLayer layer(int layer) {
        LayerSpec layerSpec = spec.layer(layer);
        boolean mixed = layerSpec.feedForward().experts() != null;
        return new CudaLayer(layerSpec,
                layerSpec.rope() == null ? Rotary.NONE : rotary.get(layerSpec.rope()),
                vector(WeightRole.ATTENTION_NORM, layer),
                large(List.of(part(WeightRole.QUERY, WeightRole.QUERY_BIAS, layer,
                        buffers.query),
                        part(WeightRole.KEY, WeightRole.KEY_BIAS, layer,
                                buffers.key),
                        part(WeightRole.VALUE, WeightRole.VALUE_BIAS, layer, buffers.value))),
                large(List.of(part(WeightRole.ATTENTION_OUTPUT,
                        WeightRole.ATTENTION_OUTPUT_BIAS, layer, buffers.branch))),
                vector(WeightRole.QUERY_NORM, layer), vector(WeightRole.KEY_NORM, layer),
                vector(WeightRole.ATTENTION_SINKS, layer),
                vector(WeightRole.ATTENTION_POST_NORM, layer),
                vector(WeightRole.FEED_FORWARD_NORM, layer), dense(layer),
                mixed ? experts(layer) : null, vector(WeightRole.FEED_FORWARD_POST_NORM, layer));
    }

    private Gated dense(int layer) {
        ExpertSpec experts = spec.layer(layer).feedForward().experts();
        if (experts == null) {
            return new Gated(large(List.of(
                    part(WeightRole.GATE, WeightRole.GATE_BIAS, layer, buffers.gate),
                    part(WeightRole.UP, WeightRole.UP_BIAS, layer, buffers.up))),
                    large(List.of(part(WeightRole.DOWN, WeightRole.DOWN_BIAS, layer,
                            buffers.branch))));
        }
        return experts.sharedSize() == 0
                ? null
                : new Gated(large(List.of(
                        part(WeightRole.SHARED_GATE, null, layer, buffers.gate),
                        part(WeightRole.SHARED_UP, null, layer, buffers.up))),
                        large(List.of(part(WeightRole.SHARED_DOWN, null, layer,
                                buffers.branch))));
    }

    private Experts experts(int layer) {
        ExpertSpec experts = spec.layer(layer).feedForward().experts();
        CudaProduct router = product(List.of(part(WeightRole.ROUTER, WeightRole.ROUTER_BIAS,
                layer, buffers.routerLogits)));
        List<Part> gates = perExpert(WeightRole.EXPERT_GATE, WeightRole.EXPERT_GATE_BIAS, layer,
                buffers.gate);
        List<Part> ups = perExpert(WeightRole.EXPERT_UP, WeightRole.EXPERT_UP_BIAS, layer,
                buffers.up);
        Gated networks = new Gated(
                product(Stream.concat(gates.stream(), ups.stream()).toList()),
                product(perExpert(WeightRole.EXPERT_DOWN, WeightRole.EXPERT_DOWN_BIAS, layer,
                        buffers.expertOut)));
        return new Experts(router, networks, experts.sharedSize() == 0
                ? null
                : product(List.of(part(WeightRole.SHARED_ROUTER, null, layer,
                        buffers.sharedLogits))));
    }

    private List<Part> perExpert(WeightRole role, WeightRole biasRole, int layer, long out) {
        return IntStream.range(0, spec.layer(layer).feedForward().experts().count())
                .mapToObj(expert -> part(role, layer, expert, vector(biasRole, layer, expert),
                        out))
                .toList();
    }

    /** @param biasRole null for a role whose products never have anything added */
    private Part part(WeightRole role, WeightRole biasRole, int layer, long out) {
        return part(role, layer, Weights.NO_EXPERT,
                biasRole == null ? 0 : vector(biasRole, layer), out);
    }

    private Part part(WeightRole role, int layer, int expert, long bias, long out) {
        OrderedTensor ordered = weights.findOrdered(role, layer, expert);
        return ordered == null
                ? new Part(matrix(role, layer, expert), bias, out)
                : new Part(matrix(role, layer, ordered.tensor()), bias, out,
                        orders.place(ordered.order(), this::upload));
    }

    private void upload(int[] values, long address) {
        MemorySegment part = staging.asSlice(0, (long) values.length * Integer.BYTES);
        MemorySegment.copy(values, 0, part, ValueLayout.JAVA_INT, 0, values.length);
        device.upload(part, address);
        device.synchronize();
    }

    /** A product that all tokens of a step take part in. */
    private CudaProduct large(List<Part> parts) {
        CudaProduct product = product(parts);
        kernels.offer(product, staging);
        return product;
    }

    private CudaProduct product(List<Part> parts) {
        CudaProduct product = kernels.describe(parts, nextDescriptor, staging);
        nextDescriptor += (long) parts.size() * CudaProduct.DESCRIPTOR_BYTES;
        return product;
    }

    private CudaMatrix matrix(WeightRole role, int layer, int expert) {
        return matrix(role, layer, weights.get(role, layer, expert));
    }

    private CudaMatrix matrix(WeightRole role, int layer, QuantTensor tensor) {
        WeightShapes.require(spec, role, layer, tensor);
        CudaMatrix matrix = CudaMatrix.upload(device, tensor,
                matrices.take(CudaMatrix.bytes(tensor.format(), tensor.shape())), staging, pool);
        if (tensor.data().isMapped()) {
            tensor.data().unload(); // the device has a copy, so the file's need not stay in memory
        }
        return matrix;
    }

    private long vector(WeightRole role, int layer) {
        return vector(role, layer, Weights.NO_EXPERT);
    }

    /** A vector as floats; 0 if the model needs none. */
    private long vector(WeightRole role, int layer, int expert) {
        if (!role.neededBy(spec, layer)) {
            return 0;
        }
        QuantTensor tensor = weights.get(role, layer, expert);
        WeightShapes.require(spec, role, layer, tensor);
        float[] values = new float[Math.toIntExact(tensor.shape().columns())];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        long address = upload(values, nextVector);
        nextVector += (long) values.length * Float.BYTES;
        return address;
    }

    private long upload(float[] values, long address) {
        long most = staging.byteSize() / Float.BYTES;
        for (long first = 0; first < values.length; first += most) {
            int count = (int) Math.min(most, values.length - first);
            MemorySegment part = staging.asSlice(0, (long) count * Float.BYTES);
            MemorySegment.copy(values, (int) first, part, ValueLayout.JAVA_FLOAT,
                    0, count);
            device.upload(part, address + first * Float.BYTES);
            device.synchronize();
        }
        return address;
    }
}

package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.PlacedModel.Share;
import dev.millrace.engine.cuda.ShardSplit.Slice;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaLora;
import dev.millrace.kernels.cuda.CudaLora.Pair;
import dev.millrace.kernels.cuda.CudaLora.Projections;
import dev.millrace.kernels.cuda.CudaMemoryException;
import dev.millrace.kernels.cuda.PreparedRows;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.LoraPair;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The adapters of a forward pass on the device, and what they add to its projections. Each takes
 * its own piece of the memory that is set aside: its matrices as floats, the rows between them for
 * a step, and a table of all projections. Kernels find the tables through a directory.
 */
final class CudaAdapters {

    /** That can be loaded at once: places of the directory. */
    static final int MOST = 1024;

    /** In the order of an adapter's table; those that are multiplied together are neighbours. */
    private static final List<WeightRole> ROLES = List.of(WeightRole.QUERY, WeightRole.KEY,
            WeightRole.VALUE, WeightRole.ATTENTION_OUTPUT, WeightRole.GATE, WeightRole.UP,
            WeightRole.DOWN);
    private static final int STAGING_BYTES = 1 << 20;

    private final CudaDevice device;
    private final CudaLora kernels;
    private final ModelSpec spec;
    private final AdapterShare share;
    private final StepInputs inputs;
    private final long directory; // (most) addresses of tables
    private final int stepTokens;
    private final long limitBytes;
    private final Map<Integer, Loaded> loaded = new HashMap<>(); // by slot

    /** @param place in the directory, which others may have after it */
    private record Loaded(int place, long address, long bytes) {}

    CudaAdapters(CudaDevice device, Share share, CudaBuffers buffers, StepInputs inputs) {
        this.device = device;
        kernels = new CudaLora(device);
        spec = share.spec();
        this.share = share.adapters();
        this.inputs = inputs;
        directory = buffers.adapters;
        stepTokens = share.budget().stepTokens();
        limitBytes = share.budget().adapterBytes();
    }

    /** What an adapter takes of a device, in bytes. */
    static long bytes(ModelSpec spec, int stepTokens, LoraAdapter adapter, AdapterShare share) {
        DeviceLayout layout = new DeviceLayout(0);
        layOut(spec, stepTokens, adapter, share, layout);
        return layout.taken();
    }

    /** The table of an adapter, whose own place is the layout's first. */
    private static Pair[] layOut(ModelSpec spec, int stepTokens, LoraAdapter adapter,
            AdapterShare share, DeviceLayout layout) {
        Pair[] pairs = new Pair[spec.layers() * ROLES.size()];
        layout.take((long) pairs.length * Pair.BYTES);
        long innerFloats = (long) stepTokens * adapter.rank();
        long[] inner = new long[CudaLora.MOST_PARTS];
        for (int i = 0; i < inner.length; i++) {
            inner[i] = layout.floats(innerFloats);
        }
        for (int place = 0; place < pairs.length; place++) {
            WeightRole role = ROLES.get(place % ROLES.size());
            int layer = place / ROLES.size();
            LoraPair pair = adapter.find(role, layer);
            pairs[place] = pair == null
                    ? Pair.NONE
                    : layOut(pair, share.inputs(role, layer, pair).count(),
                            share.outputs(role, layer, pair).count(), inner[ordinal(role)],
                            layout);
        }
        return pairs;
    }

    private static Pair layOut(LoraPair pair, int columns, int outputs, long inner,
            DeviceLayout layout) {
        return new Pair(layout.floats((long) pair.rank() * columns),
                layout.floats((long) pair.rank() * outputs), inner, pair.scale(), pair.rank(),
                columns, outputs);
    }

    /** Which it is of the projections that are computed at once. */
    private static int ordinal(WeightRole role) {
        return switch (role) {
            case KEY, UP -> 1;
            case VALUE -> 2;
            default -> 0;
        };
    }

    /**
     * Brings an adapter, or the device's share of one, onto the device.
     *
     * @param slot which nothing is in
     * @throws BackendException if the memory that was set aside for adapters is too little
     */
    void load(int slot, LoraAdapter adapter) {
        long taken = loaded.values().stream().mapToLong(Loaded::bytes).sum();
        long needed = bytes(spec, stepTokens, adapter, share);
        if (needed > limitBytes - taken) {
            throw new BackendException("the adapter " + adapter.source() + " takes " + needed
                    + " bytes of GPU " + device.info().handle() + ", but of the " + limitBytes
                    + " set aside there for adapters " + (limitBytes - taken)
                    + " are left; set more aside (--lora-memory) or unload"
                    + " another adapter first");
        }
        int place = 0;
        while (isTaken(place)) {
            place++;
        }
        if (place == MOST) {
            throw new BackendException("there are " + MOST + " adapters loaded, and a GPU has room"
                    + " for no more; unload another adapter first");
        }
        try {
            long address = device.allocate(needed);
            try {
                upload(adapter, place, address);
            } catch (RuntimeException | Error e) {
                device.free(address);
                throw e;
            }
            loaded.put(slot, new Loaded(place, address, needed));
        } catch (CudaMemoryException e) {
            throw new BackendException(e.getMessage() + " for the adapter " + adapter.source()
                    + "; something else takes the device's memory (see nvidia-smi)", e);
        }
    }

    private boolean isTaken(int place) {
        return loaded.values().stream().anyMatch(each -> each.place() == place);
    }

    private void upload(LoraAdapter adapter, int place, long address) {
        Pair[] pairs = layOut(spec, stepTokens, adapter, share, new DeviceLayout(address));
        MemorySegment staging = device.pin(Math.max(STAGING_BYTES,
                (long) pairs.length * Pair.BYTES));
        try {
            for (int i = 0; i < pairs.length; i++) {
                WeightRole role = ROLES.get(i % ROLES.size());
                int layer = i / ROLES.size();
                LoraPair source = adapter.find(role, layer);
                if (source != null) {
                    upload(columns(source.a(), share.inputs(role, layer, source)), pairs[i].a(),
                            staging);
                    upload(turnedRows(source.b(), share.outputs(role, layer, source)),
                            pairs[i].b(), staging);
                }
            }
            for (int i = 0; i < pairs.length; i++) {
                pairs[i].write(staging, (long) i * Pair.BYTES);
            }
            device.upload(staging.asSlice(0, (long) pairs.length * Pair.BYTES), address);
            device.synchronize();
            staging.set(ValueLayout.JAVA_LONG, 0, address);
            device.upload(staging.asSlice(0, Long.BYTES), directory + (long) place * Long.BYTES);
            device.synchronize();
        } finally {
            device.unpin(staging);
        }
    }

    private static float[] floats(QuantTensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.shape().elements())];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }

    /** Some columns of a matrix, row by row. */
    private static float[] columns(QuantTensor tensor, Slice part) {
        float[] values = floats(tensor);
        int rows = (int) tensor.shape().rows();
        int columns = (int) tensor.shape().columns();
        float[] some = new float[rows * part.count()];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(values, row * columns + part.first(), some, row * part.count(),
                    part.count());
        }
        return some;
    }

    /** Some rows of a matrix, column by column. */
    private static float[] turnedRows(QuantTensor tensor, Slice part) {
        float[] values = floats(tensor);
        int rows = part.count();
        int columns = (int) tensor.shape().columns();
        float[] turned = new float[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                turned[column * rows + row] = values[(part.first() + row) * columns + column];
            }
        }
        return turned;
    }

    private void upload(float[] values, long address, MemorySegment staging) {
        int most = (int) (staging.byteSize() / Float.BYTES);
        for (int first = 0; first < values.length; first += most) {
            int count = Math.min(most, values.length - first);
            MemorySegment.copy(values, first, staging, ValueLayout.JAVA_FLOAT, 0, count);
            device.upload(staging.asSlice(0, (long) count * Float.BYTES),
                    address + (long) first * Float.BYTES);
            device.synchronize();
        }
    }

    /** Frees the adapter of a slot. */
    void unload(int slot) {
        device.free(loaded.remove(slot).address());
    }

    /** The place of a slot's adapter in the directory; -1 for that of no adapter. */
    int place(int slot) {
        return slot == SequenceRow.NO_ADAPTER ? -1 : loaded.get(slot).place();
    }

    /** Adds what the step's adapters make of x to queries, keys and values. */
    void addToAttention(int layer, CudaBuffers buffers, int tokens) {
        add(layer, WeightRole.QUERY, buffers.normed, spec.embeddingSize(), tokens,
                Math.max(spec.querySize(), spec.kvSize()), buffers.query, buffers.key,
                buffers.value);
    }

    /** Adds to what the attended values are projected to. */
    void addToAttentionOutput(int layer, CudaBuffers buffers, int tokens) {
        add(layer, WeightRole.ATTENTION_OUTPUT, buffers.attendedPrepared, spec.querySize(), tokens,
                spec.embeddingSize(), buffers.branch);
    }

    /** Adds to the gate and what is gated. */
    void addToGate(int layer, CudaBuffers buffers, int width, int tokens) {
        add(layer, WeightRole.GATE, buffers.normed, spec.embeddingSize(), tokens, width,
                buffers.gate, buffers.up);
    }

    /** Adds to what the gated values are projected to. */
    void addToDown(int layer, CudaBuffers buffers, PreparedRows gates, int width, int tokens) {
        add(layer, WeightRole.DOWN, gates, width, tokens, spec.embeddingSize(), buffers.branch);
    }

    private void add(int layer, WeightRole first, PreparedRows x, int columns, int tokens,
            int outputs, long... outs) {
        if (inputs.shape().adapted()) {
            kernels.add(new Projections(outs, outputs,
                    layer * ROLES.size() + ROLES.indexOf(first)), directory, inputs.adapters(), x,
                    columns, tokens);
        }
    }
}

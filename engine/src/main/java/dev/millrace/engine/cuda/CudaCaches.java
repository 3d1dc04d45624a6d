package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.WindowGroup;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cuda.CudaCache;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.models.ModelSpec;
import java.util.List;

/** The keys and values of all layers: a cache per group of layers, found by layer. */
final class CudaCaches {

    private final CudaDevice device;
    private final ModelSpec spec;
    private final KvFormat format;
    private final List<LayerGroup> sizes;
    private final long[] caches; // (groups): addresses
    private final int[] groupOf; // (layers)
    private final int[] indexInGroup; // (layers)

    /** Takes the memory and clears it. @param sizes one per group, with its blocks */
    CudaCaches(CudaDevice device, ModelSpec spec, KvFormat format, List<WindowGroup> groups,
            List<LayerGroup> sizes) {
        this.device = device;
        this.spec = spec;
        this.format = format;
        this.sizes = sizes;
        caches = new long[groups.size()];
        groupOf = new int[spec.layers()];
        indexInGroup = new int[spec.layers()];
        for (int group = 0; group < caches.length; group++) {
            long bytes = sizes.get(group).blocks() * sizes.get(group).blockBytes();
            caches[group] = device.allocate(bytes);
            device.clear(caches[group], bytes);
            List<Integer> layers = groups.get(group).layers();
            for (int index = 0; index < layers.size(); index++) {
                groupOf[layers.get(index)] = group;
                indexInGroup[layers.get(index)] = index;
            }
        }
    }

    /** A layer's part, with the tables of a step. */
    CudaCache layer(int layer, StepInputs inputs) {
        int group = groupOf[layer];
        return new CudaCache(caches[group], inputs.tables(group), inputs.tableLength(),
                sizes.get(group).layers(), indexInGroup[layer], format, spec.kvHeads(),
                spec.headSize());
    }

    /** How far a layer looks back; 0 for all the way. */
    int windowTokens(int layer) {
        return sizes.get(groupOf[layer]).windowTokens();
    }

    /** There is no swap space, so the rules have let only copies and clears through. */
    void operate(BlockOperations operations) {
        for (Move move : operations.copy()) {
            device.copy(address(move.group(), move.from()), address(move.group(), move.to()),
                    sizes.get(move.group()).blockBytes());
        }
        for (Move move : operations.zero()) {
            device.clear(address(move.group(), move.from()),
                    sizes.get(move.group()).blockBytes());
        }
    }

    private long address(int group, int block) {
        return caches[group] + block * sizes.get(group).blockBytes();
    }
}

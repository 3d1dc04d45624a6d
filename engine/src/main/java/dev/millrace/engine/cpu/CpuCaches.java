package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.WindowGroup;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuKvCache;
import dev.millrace.models.ModelSpec;
import java.util.List;
import java.util.function.BooleanSupplier;

/** The keys and values of all layers: a cache per group of layers, found by layer. */
final class CpuCaches implements AutoCloseable {

    private final List<WindowGroup> groups;
    private final CpuKvCache[] caches; // (groups)
    private final int[] groupOf; // (layers)
    private final int[] indexInGroup; // (layers)

    /** @param sizes one per group, with its blocks */
    CpuCaches(CpuKernels kernels, KvFormat format, ModelSpec spec, List<WindowGroup> groups,
            List<LayerGroup> sizes) {
        this.groups = groups;
        caches = new CpuKvCache[groups.size()];
        groupOf = new int[spec.layers()];
        indexInGroup = new int[spec.layers()];
        try {
            for (int group = 0; group < caches.length; group++) {
                List<Integer> layers = groups.get(group).layers();
                caches[group] = kernels.openCache(format, layers.size(), spec.kvHeads(),
                        spec.headSize(), MemoryPlan.BLOCK_TOKENS, sizes.get(group).blocks());
                for (int index = 0; index < layers.size(); index++) {
                    groupOf[layers.get(index)] = group;
                    indexInGroup[layers.get(index)] = index;
                }
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    int groups() {
        return caches.length;
    }

    /** Layers of a group, by their indices in the model. */
    List<Integer> layers(int group) {
        return groups.get(group).layers();
    }

    int group(int layer) {
        return groupOf[layer];
    }

    CpuKvCache cache(int group) {
        return caches[group];
    }

    /** The layer's place in its group's cache. */
    int index(int layer) {
        return indexInGroup[layer];
    }

    /** There is no swap space, so the rules have let only copies and clears through. */
    void operate(BlockOperations operations) {
        for (Move move : operations.copy()) {
            caches[move.group()].copy(move.from(), move.to());
        }
        for (Move move : operations.zero()) {
            caches[move.group()].zero(move.from());
        }
    }

    /** As {@link CpuKvCache#makeResident}, one after the other. */
    void makeResident(BooleanSupplier stop) {
        for (CpuKvCache cache : caches) {
            cache.makeResident(stop);
        }
    }

    @Override
    public void close() {
        for (CpuKvCache cache : caches) {
            if (cache != null) {
                cache.close();
            }
        }
    }
}

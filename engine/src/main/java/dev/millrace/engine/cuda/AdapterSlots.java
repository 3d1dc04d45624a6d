package dev.millrace.engine.cuda;

import dev.millrace.models.LoraAdapter;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The adapters of a forward pass by their slots, on every device that shares its model. */
final class AdapterSlots {

    private final List<PlacedModel> shards;
    private final SortedMap<Integer, LoraAdapter> loaded = new TreeMap<>();
    private int nextSlot;

    AdapterSlots(List<PlacedModel> shards) {
        this.shards = shards;
    }

    /**
     * Brings an adapter onto all devices, or where one has no room for it onto none.
     *
     * @param adapter owned from now on, unless this fails
     * @return its slot
     */
    int load(LoraAdapter adapter) {
        int done = 0;
        try {
            for (; done < shards.size(); done++) {
                PlacedModel shard = shards.get(done);
                shard.device().makeCurrent();
                shard.adapters().load(nextSlot, adapter);
            }
        } catch (RuntimeException | Error e) {
            try {
                unload(shards.subList(0, done), nextSlot);
            } catch (RuntimeException second) {
                e.addSuppressed(second);
            }
            throw e;
        }
        loaded.put(nextSlot, adapter);
        return nextSlot++;
    }

    /** @throws IllegalArgumentException if there is none in this slot */
    void unload(int slot) {
        LoraAdapter adapter = loaded.remove(slot);
        if (adapter == null) {
            throw new IllegalArgumentException("there is no adapter in slot " + slot);
        }
        unload(shards, slot);
        adapter.close();
    }

    private static void unload(List<PlacedModel> shards, int slot) {
        for (PlacedModel shard : shards) {
            shard.device().makeCurrent();
            shard.adapters().unload(slot);
        }
    }

    /** Whether rows may name a slot. */
    boolean isLoaded(int slot) {
        return loaded.containsKey(slot);
    }

    /** Closes the files that adapters came from; devices' memory goes with the devices. */
    void close() {
        loaded.values().forEach(LoraAdapter::close);
        loaded.clear();
    }
}

package dev.millrace.engine;

import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.models.LoraAdapter;
import java.util.HashMap;
import java.util.Map;

/**
 * The adapters of an engine, and how many requests use each: one that is to go takes no more
 * requests, and is freed when its last has ended. Loading and freeing wait for the device, so they
 * happen between steps, and count as overhead.
 */
final class AdapterSlots {

    private final ForwardPass forwardPass;
    private final DeviceLane lane;
    private final Map<Integer, Use> uses = new HashMap<>();

    /** Guarded by the map of all. */
    private static final class Use {
        private final long parameters;
        private int requests;
        private boolean leaving;

        Use(long parameters) {
            this.parameters = parameters;
        }
    }

    AdapterSlots(ForwardPass forwardPass, DeviceLane lane) {
        this.forwardPass = forwardPass;
        this.lane = lane;
    }

    int load(LoraAdapter adapter) {
        long parameters = adapter.parameters(); // before it is given away
        int slot = lane.overhead(() -> forwardPass.loadAdapter(adapter));
        synchronized (uses) {
            uses.put(slot, new Use(parameters));
        }
        return slot;
    }

    /** Of an adapter that some request uses; 0 for none. */
    long parameters(int slot) {
        if (slot == SequenceRow.NO_ADAPTER) {
            return 0;
        }
        synchronized (uses) {
            return uses.get(slot).parameters;
        }
    }

    void unload(int slot) {
        boolean unused;
        synchronized (uses) {
            Use use = require(slot);
            use.leaving = true;
            unused = forgetIfUnused(slot, use);
        }
        free(slot, unused);
    }

    /** Notes a request that has come. @throws UnloadedAdapterException if it names none */
    void enter(int slot) {
        if (slot != SequenceRow.NO_ADAPTER) {
            synchronized (uses) {
                require(slot).requests++;
            }
        }
    }

    /** Notes that a request that had come has ended. */
    void leave(int slot) {
        if (slot != SequenceRow.NO_ADAPTER) {
            boolean unused;
            synchronized (uses) {
                Use use = uses.get(slot);
                use.requests--;
                unused = forgetIfUnused(slot, use);
            }
            free(slot, unused);
        }
    }

    private Use require(int slot) {
        Use use = uses.get(slot);
        if (use == null || use.leaving) {
            throw new UnloadedAdapterException(slot);
        }
        return use;
    }

    private boolean forgetIfUnused(int slot, Use use) {
        boolean unused = use.leaving && use.requests == 0;
        if (unused) {
            uses.remove(slot);
        }
        return unused;
    }

    private void free(int slot, boolean unused) {
        if (unused) {
            lane.overhead(() -> {
                forwardPass.unloadAdapter(slot);
                return null;
            });
        }
    }
}

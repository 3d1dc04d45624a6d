package dev.millrace.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Devices that work on one model together. What they exchange takes its place in each device's
 * stream, after what was queued before it and before what is queued later.
 *
 * <p>All calls come from one thread, one device after the other: so every device is given the same
 * exchanges in the same order, and none can wait for another that failed to ask.
 */
public final class DeviceGroup implements AutoCloseable {

    private final Nccl nccl;
    private final List<CudaDevice> devices;
    private final MemorySegment[] communicators;
    private boolean closed;

    /**
     * Connects devices.
     *
     * @param devices borrowed; each of them once
     * @throws dev.millrace.kernels.KernelException if the library refuses; says why
     */
    public DeviceGroup(Nccl nccl, List<CudaDevice> devices) {
        this.nccl = nccl;
        this.devices = List.copyOf(devices);
        communicators = nccl.communicators(
                devices.stream().mapToInt(device -> device.info().handle()).toArray());
    }

    /** How many they are. */
    public int size() {
        return devices.size();
    }

    /**
     * Brings parts of all devices together on every device, one after the other in the order of the
     * devices. Nothing is added up, so nothing is rounded.
     *
     * @param parts  address of each device's part
     * @param wholes address on each device for {@code size() * floats}; no part lies in it
     */
    public void gather(long[] parts, long[] wholes, long floats) {
        if (parts.length != size() || wholes.length != size()) {
            throw new IllegalArgumentException(parts.length + " parts and " + wholes.length
                    + " places for " + size() + " devices");
        }
        nccl.startGroup();
        try {
            for (int i = 0; i < communicators.length; i++) {
                nccl.allGather(MemorySegment.ofAddress(parts[i]),
                        MemorySegment.ofAddress(wholes[i]), floats, communicators[i],
                        devices.get(i).streamHandle());
            }
        } finally {
            nccl.endGroup();
        }
    }

    /** Disconnects the devices, once each has done what it was asked for. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            devices.forEach(device -> {
                device.makeCurrent();
                device.synchronize();
            });
            IntStream.range(0, communicators.length)
                    .forEach(i -> nccl.destroy(communicators[i]));
        }
    }
}

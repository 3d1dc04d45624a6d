package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Devices that work on one model together. What they exchange takes its place in each device's
 * stream, after what was queued before it and before what is queued later.
 *
 * <p>All calls come from one thread, one device after the other: so every device is given the same
 * exchanges in the same order, and none can wait for another that failed to ask.
 */
public final class DeviceGroup implements AutoCloseable {

    private static final Logger LOG = System.getLogger(DeviceGroup.class.getName());

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

    /**
     * Disconnects the devices, once each has done what it was asked for; at once where one is lost,
     * for which the others would wait for ever.
     */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            boolean whole = finish();
            for (MemorySegment communicator : communicators) {
                if (whole) {
                    nccl.destroy(communicator);
                } else {
                    nccl.abort(communicator);
                }
            }
        }
    }

    /** @return whether all devices have done what they were asked for */
    private boolean finish() {
        if (devices.stream().anyMatch(CudaDevice::isLost)) {
            return false;
        }
        try {
            devices.forEach(device -> {
                device.makeCurrent();
                device.synchronize();
            });
            return true;
        } catch (CudaLostException | KernelException e) {
            LOG.log(Level.WARNING, "{0}; the GPUs are disconnected all the same", e.getMessage());
            return false;
        }
    }
}

package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.global.cudart;

/**
 * Devices that work on one model together. What they exchange takes its place in each device's
 * stream, after what was queued before it and before what is queued later.
 *
 * <p>All calls come from one thread, one device after the other: so every device is given the same
 * exchanges in the same order, and none can wait for another that failed to ask. Where one is lost
 * within an exchange the others would wait for it for ever: whoever waits for a device of the group
 * looks after all of them meanwhile, and disconnects them if one is lost.
 */
public final class DeviceGroup implements AutoCloseable {

    private static final Logger LOG = System.getLogger(DeviceGroup.class.getName());

    private final Nccl nccl;
    private final List<CudaDevice> devices;
    private final MemorySegment[] communicators;
    private final LaunchThreads launchers;
    private CudaLostException failure; // null for none
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
        devices.forEach(device -> device.watchWaits(this::look));
        launchers = new LaunchThreads(this.devices);
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
     * @throws CudaLostException if a device or the way to it is lost, then or before
     */
    public void gather(long[] parts, long[] wholes, long floats) {
        if (parts.length != size() || wholes.length != size()) {
            throw new IllegalArgumentException(parts.length + " parts and " + wholes.length
                    + " places for " + size() + " devices");
        }
        requireConnected();
        int error = nccl.startGroup();
        for (int i = 0; i < communicators.length && error == 0; i++) {
            error = nccl.allGather(MemorySegment.ofAddress(parts[i]),
                    MemorySegment.ofAddress(wholes[i]), floats, communicators[i],
                    devices.get(i).streamHandle());
        }
        int atEnd = nccl.endGroup();
        check(error == 0 ? atEnd : error, floats);
    }

    private void requireConnected() {
        if (failure != null) {
            throw failure;
        }
    }

    /** After most errors of a call some devices may be within an exchange that others never get. */
    private void check(int error, long floats) {
        if (error == 0) {
            return;
        }
        if (Nccl.isHarmless(error)) {
            throw new KernelException("NCCL could not gather " + floats + " floats: "
                    + nccl.words(error));
        }
        if (devices.stream().noneMatch(CudaDevice::isCapturing)) {
            look(); // the device that it is about says more
        }
        throw disconnect(CudaErrors.exchangeLost("NCCL reports " + nccl.words(error)));
    }

    /**
     * Records what is queued for all devices meanwhile, exchanges included, without doing any of
     * it; see {@link CudaDevice#capture}.
     *
     * @throws CudaMemoryException if a device has no memory left for it
     */
    public RecordedStep capture(Runnable queueing) {
        requireConnected();
        List<CUgraph_st> recorded = new ArrayList<>();
        try {
            each(CudaDevice::beginCapture);
            queueing.run();
            each(device -> recorded.add(device.endCapture()));
        } catch (RuntimeException | Error e) {
            recorded.forEach(cudart::cuGraphDestroy);
            devices.forEach(CudaDevice::dropCapture);
            throw e;
        }
        List<CudaGraph> graphs = keep(recorded);
        each(CudaDevice::synchronize); // on its way to the devices is the last of it
        return () -> launch(graphs);
    }

    /** All or, where a device has no memory for it, none. */
    private List<CudaGraph> keep(List<CUgraph_st> recorded) {
        List<CudaGraph> graphs = new ArrayList<>();
        try {
            each(device -> graphs.add(device.keep(recorded.get(graphs.size()))));
            return graphs;
        } catch (RuntimeException | Error e) {
            for (int i = 0; i < graphs.size(); i++) {
                devices.get(i).closeGraph(graphs.get(i));
            }
            for (int i = graphs.size() + 1; i < recorded.size(); i++) {
                cudart.cuGraphDestroy(recorded.get(i));
            }
            throw e;
        }
    }

    private void each(Consumer<CudaDevice> work) {
        for (CudaDevice device : devices) {
            device.makeCurrent();
            work.accept(device);
        }
    }

    /** Where one device is not given its part the others would wait for it for ever. */
    private void launch(List<CudaGraph> graphs) {
        requireConnected();
        try {
            launchers.launch(graphs, this::look);
        } catch (CudaLostException lost) {
            throw failure == null ? disconnect(lost) : failure;
        } catch (KernelException e) {
            throw disconnect(CudaErrors.exchangeLost(e.getMessage()));
        }
    }

    /**
     * Makes sure that no device is lost, nor what is between them.
     *
     * @throws CudaLostException if one is; they are disconnected, so that none waits for it
     */
    private void look() {
        requireConnected();
        try {
            each(CudaDevice::isIdle);
        } catch (CudaLostException lost) {
            throw disconnect(lost);
        } catch (KernelException e) {
            throw disconnect(CudaErrors.exchangeLost(e.getMessage()));
        }
        for (MemorySegment communicator : communicators) {
            int error = nccl.asyncError(communicator);
            if (error != 0) {
                throw disconnect(CudaErrors.exchangeLost("NCCL reports " + nccl.words(error)));
            }
        }
    }

    private CudaLostException disconnect(CudaLostException cause) {
        failure = cause;
        abort();
        return cause;
    }

    private void abort() {
        devices.forEach(CudaDevice::closeGraphs); // the library waits for those that name it
        for (MemorySegment communicator : communicators) {
            nccl.abort(communicator);
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
            devices.forEach(device -> device.watchWaits(null));
            launchers.close();
            if (whole) {
                devices.forEach(CudaDevice::closeGraphs);
                for (MemorySegment communicator : communicators) {
                    nccl.destroy(communicator);
                }
            } else if (failure == null) {
                abort();
            }
        }
    }

    /** @return whether all devices have done what they were asked for */
    private boolean finish() {
        if (failure != null || devices.stream().anyMatch(CudaDevice::isLost)) {
            return false;
        }
        try {
            each(CudaDevice::synchronize);
            return true;
        } catch (CudaLostException | KernelException e) {
            LOG.log(Level.WARNING, "{0}; the GPUs are disconnected all the same", e.getMessage());
            return false;
        }
    }
}

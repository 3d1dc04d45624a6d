package dev.millrace.kernels.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How long devices take to exchange what they make, just now and with nothing else to do: what a
 * step that they share waits for at least. Owns memory of its own on them. One thread at a time.
 */
public final class ExchangeProbe implements AutoCloseable {

    /** Exchanges one after the other, between two looks at the clock. */
    private static final int REPEATS = 16;

    private final List<CudaDevice> devices = new ArrayList<>();
    private final DeviceGroup group;
    private final long[] parts; // (devices)
    private final long[] wholes; // (devices)
    private final Map<Long, RecordedStep> recorded = new HashMap<>(); // by floats

    /**
     * @param image      compiled for the devices
     * @param mostFloats of each device's part
     * @throws CudaMemoryException if their memory is taken
     */
    public ExchangeProbe(List<CudaDeviceInfo> infos, byte[] image, Nccl nccl, long mostFloats) {
        parts = new long[infos.size()];
        wholes = new long[infos.size()];
        DeviceGroup connected = null;
        try {
            for (int i = 0; i < parts.length; i++) {
                devices.add(CudaDevice.open(infos.get(i), image));
                devices.getLast().makeCurrent();
                parts[i] = devices.getLast().allocate(mostFloats * Float.BYTES);
                wholes[i] = devices.getLast().allocate(parts.length * mostFloats * Float.BYTES);
                devices.getLast().clear(parts[i], mostFloats * Float.BYTES);
            }
            connected = new DeviceGroup(nccl, devices);
            connected.gather(parts, wholes, mostFloats);
        } catch (RuntimeException | Error e) {
            close(connected);
            throw e;
        }
        group = connected;
    }

    /** Memory that a probe takes of each device, in bytes. */
    public static long deviceBytes(int devices, long mostFloats) {
        return (devices + 1L) * mostFloats * Float.BYTES;
    }

    /** Seconds from one exchange to the next, launched as a captured step. */
    public double seconds(long floats) {
        RecordedStep step = recorded.computeIfAbsent(floats, count -> group.capture(() -> {
            for (int i = 0; i < REPEATS; i++) {
                group.gather(parts, wholes, count);
            }
        }));
        step.launch();
        finish();
        long started = System.nanoTime();
        step.launch();
        finish();
        return (System.nanoTime() - started) / 1e9 / REPEATS;
    }

    private void finish() {
        for (CudaDevice device : devices) {
            device.makeCurrent();
            device.synchronize();
        }
    }

    private void close(DeviceGroup connected) {
        if (connected != null) {
            connected.close();
        }
        devices.forEach(CudaDevice::close);
    }

    @Override
    public void close() {
        close(group);
    }
}

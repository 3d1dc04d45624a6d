package dev.millrace.bench.gpu;

import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.DeviceProbe;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What the devices that are measured can do just now: the sum of what each does by itself, one
 * after the other. A model that several share cannot be faster than if all of its bytes were shared
 * out evenly and exchanges took no time.
 */
final class GpuLimits implements AutoCloseable {

    private final List<DeviceProbe> probes = new ArrayList<>();

    GpuLimits(GpuUnderTest gpu, DeviceProbe.Size size) {
        try {
            for (CudaDeviceInfo device : gpu.devices()) {
                probes.add(new DeviceProbe(device, gpu.image(), size));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    double readGigabytesPerSecond() {
        return sum(DeviceProbe::readGigabytesPerSecond);
    }

    double copyGigabytesPerSecond() {
        return sum(DeviceProbe::copyGigabytesPerSecond);
    }

    double teraflops() {
        return sum(DeviceProbe::teraflops);
    }

    private double sum(ToDoubleFunction<DeviceProbe> each) {
        return probes.stream().mapToDouble(each).sum();
    }

    @Override
    public void close() {
        probes.forEach(DeviceProbe::close);
    }
}

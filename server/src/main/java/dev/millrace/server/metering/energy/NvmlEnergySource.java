package dev.millrace.server.metering.energy;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.Nvml;
import dev.millrace.kernels.cuda.NvmlDevice;
import dev.millrace.kernels.cuda.NvmlException;
import dev.millrace.server.metering.EnergySource;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Energy of GPUs by NVML: each board's own counter, or where a board has none its power times the
 * time between two readings. From the moment a counter fails or goes backwards there is no figure
 * any more, and the log says so.
 */
final class NvmlEnergySource implements EnergySource {

    private static final Logger LOG = LoggerFactory.getLogger(NvmlEnergySource.class);

    private final List<Board> boards;
    private boolean broken;

    private NvmlEnergySource(List<Board> boards) {
        this.boards = boards;
    }

    /**
     * The devices' energy from now on.
     *
     * @param nanoTime a clock that never goes backwards
     * @return an {@link UnmeasuredEnergy} that says why if one of them does not tell
     */
    static EnergySource find(List<CudaDeviceInfo> devices, LongSupplier nanoTime) {
        Nvml.Finding finding = Nvml.find();
        if (finding.library().isEmpty()) {
            return new UnmeasuredEnergy(finding.reason());
        }
        try {
            List<Board> boards = new ArrayList<>();
            for (CudaDeviceInfo device : devices) {
                boards.add(board(finding.library().get().device(device), nanoTime));
            }
            return new NvmlEnergySource(boards);
        } catch (NvmlException | KernelException e) {
            return new UnmeasuredEnergy(e.getMessage());
        }
    }

    private static Board board(NvmlDevice device, LongSupplier nanoTime) {
        try {
            return new Counter(device);
        } catch (NvmlException e) {
            if (e.isUnsupported()) {
                return new Power(device, nanoTime);
            }
            throw e;
        }
    }

    @Override
    public long microjoules() {
        double sum = 0;
        for (Board board : boards) {
            if (!broken) {
                try {
                    sum += board.microjoules();
                } catch (NvmlException e) {
                    broken = true;
                    LOG.warn("energy is not measured from here on: {}", e.getMessage());
                }
            }
        }
        return broken ? -1 : (long) sum;
    }

    @Override
    public String description() {
        long sampled = boards.stream().filter(Power.class::isInstance).count();
        return "NVML, " + boards.size() + (boards.size() == 1 ? " GPU" : " GPUs")
                + (sampled == 0 ? "" : " (" + sampled + " by power, without a counter)");
    }

    /** One device. */
    private sealed interface Board permits Counter, Power {

        /** Since it was found. */
        double microjoules();
    }

    /** A board's counter, from where it stood. */
    private static final class Counter implements Board {

        private final NvmlDevice device;
        private final long first;
        private long last;

        Counter(NvmlDevice device) {
            this.device = device;
            first = device.energyMillijoules();
            last = first;
        }

        @Override
        public double microjoules() {
            long now = device.energyMillijoules();
            if (now < last) {
                throw new NvmlException("the energy counter of the " + device.name()
                        + " went backwards, from " + last + " to " + now + " mJ");
            }
            last = now;
            return 1000.0 * (now - first);
        }
    }

    /** Power between readings, as if it rose or fell evenly. */
    private static final class Power implements Board {

        private final NvmlDevice device;
        private final LongSupplier nanoTime;
        private long lastNanos;
        private long lastMilliwatts;
        private double microjoules;

        Power(NvmlDevice device, LongSupplier nanoTime) {
            this.device = device;
            this.nanoTime = nanoTime;
            lastMilliwatts = device.powerMilliwatts();
            lastNanos = nanoTime.getAsLong();
        }

        @Override
        public double microjoules() {
            long milliwatts = device.powerMilliwatts();
            long nanos = nanoTime.getAsLong();
            microjoules += (lastMilliwatts + milliwatts) / 2.0 * (nanos - lastNanos) * 1e-6;
            lastMilliwatts = milliwatts;
            lastNanos = nanos;
            return microjoules;
        }
    }
}

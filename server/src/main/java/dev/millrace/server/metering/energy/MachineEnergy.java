package dev.millrace.server.metering.energy;

import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.server.metering.EnergySource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Processor and GPUs together. Where GPUs compute and theirs is not known there is no figure: that
 * of the processor alone would be a small part of the truth. The other way round the GPUs' is
 * nearly all of it, and the description says what is missing.
 */
public final class MachineEnergy implements EnergySource {

    private final EnergySource processor;
    private final List<EnergySource> gpus; // by lane

    private MachineEnergy(EnergySource processor, List<EnergySource> gpus) {
        this.processor = processor;
        this.gpus = gpus;
    }

    /**
     * What measures a machine.
     *
     * @param processor such as RAPL, or {@link EnergySource#NONE}
     * @param gpus      that are in use, by lane; where there is none, nothing of NVIDIA's is loaded
     */
    public static EnergySource of(EnergySource processor, List<List<CudaDeviceInfo>> gpus) {
        return gpus.isEmpty()
                ? processor
                : ofLanes(processor, gpus.stream()
                        .map(lane -> NvmlEnergySource.find(lane, System::nanoTime)).toList());
    }

    static EnergySource of(EnergySource processor, EnergySource gpus) {
        return ofLanes(processor, List.of(gpus));
    }

    /** @param lanes the energy of each lane's GPUs */
    static EnergySource ofLanes(EnergySource processor, List<EnergySource> lanes) {
        Optional<EnergySource> unmeasured = lanes.stream()
                .filter(UnmeasuredEnergy.class::isInstance).findFirst();
        return unmeasured.orElseGet(() -> new MachineEnergy(processor, lanes));
    }

    @Override
    public List<Part> parts() {
        if (gpus.size() == 1) {
            return EnergySource.super.parts();
        }
        List<Part> parts = new ArrayList<>();
        if (processor != NONE) {
            parts.add(new Part(processor, Part.ANY_LANE));
        }
        for (int lane = 0; lane < gpus.size(); lane++) {
            parts.add(new Part(gpus.get(lane), lane));
        }
        return parts;
    }

    @Override
    public long microjoules() {
        long ofGpus = 0;
        for (EnergySource lane : gpus) {
            long ofLane = lane.microjoules();
            ofGpus = ofLane < 0 || ofGpus < 0 ? -1 : ofGpus + ofLane;
        }
        long ofProcessor = processor == NONE ? 0 : processor.microjoules();
        return ofGpus < 0 || ofProcessor < 0 ? -1 : ofGpus + ofProcessor;
    }

    @Override
    public String description() {
        List<String> lanes = gpus.stream().map(EnergySource::description).distinct().toList();
        String each = gpus.size() > lanes.size() ? " for each of " + gpus.size() : "";
        return String.join("; ", lanes) + each + (processor == NONE
                ? "; the processor is not measured"
                : "; " + processor.description());
    }
}

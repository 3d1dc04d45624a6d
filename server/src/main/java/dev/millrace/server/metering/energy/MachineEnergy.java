package dev.millrace.server.metering.energy;

import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.server.metering.EnergySource;
import java.util.List;

/**
 * Processor and GPUs together. Where GPUs compute and theirs is not known there is no figure: that
 * of the processor alone would be a small part of the truth. The other way round the GPUs' is
 * nearly all of it, and the description says what is missing.
 */
public final class MachineEnergy implements EnergySource {

    private final EnergySource processor;
    private final EnergySource gpus;

    private MachineEnergy(EnergySource processor, EnergySource gpus) {
        this.processor = processor;
        this.gpus = gpus;
    }

    /**
     * What measures a machine.
     *
     * @param processor such as RAPL, or {@link EnergySource#NONE}
     * @param gpus      that are in use; where there is none, nothing of NVIDIA's is loaded
     */
    public static EnergySource of(EnergySource processor, List<CudaDeviceInfo> gpus) {
        return gpus.isEmpty()
                ? processor
                : of(processor, NvmlEnergySource.find(gpus, System::nanoTime));
    }

    static EnergySource of(EnergySource processor, EnergySource gpus) {
        return gpus instanceof UnmeasuredEnergy ? gpus : new MachineEnergy(processor, gpus);
    }

    @Override
    public long microjoules() {
        long ofGpus = gpus.microjoules();
        long ofProcessor = processor == NONE ? 0 : processor.microjoules();
        return ofGpus < 0 || ofProcessor < 0 ? -1 : ofGpus + ofProcessor;
    }

    @Override
    public String description() {
        return gpus.description() + (processor == NONE
                ? "; the processor is not measured"
                : "; " + processor.description());
    }
}

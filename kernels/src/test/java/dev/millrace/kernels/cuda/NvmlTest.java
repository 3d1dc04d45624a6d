package dev.millrace.kernels.cuda;

import java.util.Optional;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** What is read of a device, and what is said where it cannot be. */
class NvmlTest {

    private static NvmlDevice device(int number) {
        StandInNvml.load();
        CudaDeviceInfo first = CudaProbe.find().device().orElseThrow();
        return Nvml.find().library().orElseThrow().device(new CudaDeviceInfo(number,
                first.name(), first.capability(), first.memoryBytes(), first.driverVersion()));
    }

    @Test
    void aDeviceTellsItsEnergyPowerUtilisationAndMemory() {
        NvmlDevice device = device(2);
        StandInNvml.set("millijoules", 2, 5_000_000_000_123L);
        StandInNvml.set("milliwatts", 2, 3_000_000_000L);
        StandInNvml.set("percent", 2, 87);
        StandInNvml.set("bytes", 2, 6L << 30);

        assertThat(device.name()).isEqualTo("emulated device");
        assertThat(device.energyMillijoules()).isEqualTo(5_000_000_000_123L);
        assertThat(device.powerMilliwatts()).isEqualTo(3_000_000_000L);
        assertThat(device.utilisation()).isEqualTo(0.87);
        assertThat(device.usedBytes()).isEqualTo(6L << 30);
    }

    @Test
    void whatItRefusesIsSaidInItsWords() {
        NvmlDevice device = device(3);
        StandInNvml.set("refuses", 3, 3);
        StandInNvml.set("silent", 3, 15);

        assertThatExceptionOfType(NvmlException.class).isThrownBy(device::energyMillijoules)
                .withMessage("nvmlDeviceGetTotalEnergyConsumption gives 3 (Not Supported)")
                .matches(NvmlException::isUnsupported);
        assertThatExceptionOfType(NvmlException.class).isThrownBy(device::powerMilliwatts)
                .withMessage("nvmlDeviceGetPowerUsage gives 15 (GPU is lost)")
                .matches(e -> !e.isUnsupported());
    }

    @Test
    void aDeviceThatItDoesNotSeeIsRefused() {
        assertThatExceptionOfType(NvmlException.class).isThrownBy(() -> device(99))
                .withMessageStartingWith("nvmlDeviceGetHandleByPciBusId_v2 gives 6");
    }

    @Test
    void aLibraryThatIsNotThereOrDoesNotStartIsSaidPlainly() {
        StandInNvml.load();
        long before = StandInNvml.set("start", 0, 15);
        try {
            assertThat(Nvml.find()).isEqualTo(new Nvml.Finding(Optional.empty(),
                    "NVML does not start: nvmlInit_v2 gives 15 (GPU is lost)"));
        } finally {
            StandInNvml.set("start", 0, before);
        }
        assertThat(Nvml.find("libnvidia-ml.so.nosuch").reason())
                .startsWith("there is no NVML (libnvidia-ml.so.1), which comes with");
    }
}

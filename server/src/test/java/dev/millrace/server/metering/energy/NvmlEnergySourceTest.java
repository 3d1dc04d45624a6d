package dev.millrace.server.metering.energy;

import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.StandInNvml;
import dev.millrace.server.metering.EnergySource;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** Against a library that says what it is told to, of devices of numbers that nobody else takes. */
class NvmlEnergySourceTest {

    private final long[] nanos = {1_000};

    @BeforeAll
    static void load() {
        StandInNvml.load();
        EmulatedDriver.set("devices", 1);
    }

    /** Other tests of this process see a machine without a GPU. */
    @AfterAll
    static void hideTheDriver() {
        EmulatedDriver.set("devices", 0);
    }

    private EnergySource find(int... numbers) {
        List<CudaDeviceInfo> infos = Arrays.stream(numbers)
                .mapToObj(number -> new CudaDeviceInfo(number, "GPU " + number, 90, 1, 13_000))
                .toList();
        return NvmlEnergySource.find(infos, () -> nanos[0]);
    }

    @Test
    void countersOfTheDevicesInUseAddUpFromWhereTheyStood() {
        StandInNvml.set("millijoules", 0, 5_000);
        StandInNvml.set("millijoules", 1, 70_000);
        EnergySource source = find(0, 1);

        assertThat(source.microjoules()).isZero();
        StandInNvml.set("millijoules", 0, 5_001);
        StandInNvml.set("millijoules", 1, 70_020);
        assertThat(source.microjoules()).isEqualTo(21_000);
        assertThat(source.description()).isEqualTo("NVML, 2 GPUs");
    }

    @Test
    void aCounterThatGoesBackwardsGivesNoFigureAnyMore() {
        StandInNvml.set("millijoules", 2, 500);
        EnergySource source = find(2);
        StandInNvml.set("millijoules", 2, 499);
        assertThat(source.microjoules()).isEqualTo(-1);
        StandInNvml.set("millijoules", 2, 600);
        assertThat(source.microjoules()).isEqualTo(-1);
    }

    @Test
    void aDeviceThatIsLostGivesNoFigureAnyMore() {
        EnergySource source = find(3);
        long before = StandInNvml.set("refuses", 3, 15);
        assertThat(source.microjoules()).isEqualTo(-1);
        StandInNvml.set("refuses", 3, before);
        assertThat(source.microjoules()).isEqualTo(-1);
    }

    @Test
    void powerStandsInForACounterThatADeviceHasNot() {
        StandInNvml.set("refuses", 4, 3);
        StandInNvml.set("milliwatts", 4, 100_000);
        EnergySource source = find(4);
        StandInNvml.set("milliwatts", 4, 300_000);
        nanos[0] += 2_000_000_000L;
        // 2 s of 100 W that rise to 300 W, then 1 s of 300 W
        assertThat(source.microjoules()).isEqualTo(400_000_000);
        nanos[0] += 1_000_000_000L;
        assertThat(source.microjoules()).isEqualTo(700_000_000);
        assertThat(source.description())
                .isEqualTo("NVML, 1 GPU (1 by power, without a counter)");
    }

    @Test
    void aDeviceThatSaysNothingIsNotMeasured() {
        StandInNvml.set("refuses", 5, 3);
        StandInNvml.set("silent", 5, 3);

        EnergySource source = MachineEnergy.of(EnergySource.NONE, find(5));
        assertThat(source.microjoules()).isEqualTo(-1);
        assertThat(source.description())
                .isEqualTo("not measured: nvmlDeviceGetPowerUsage gives 3 (Not Supported)");
        assertThat(find(77).description()).startsWith("not measured: nvmlDeviceGetHandleBy");
    }

    @Test
    void processorAndGpusAddUpAndWhatIsMissingIsSaid() {
        StandInNvml.set("millijoules", 6, 10);
        EnergySource both = MachineEnergy.of(new FixedEnergy(7), find(6));
        EnergySource alone = MachineEnergy.of(EnergySource.NONE, find(6));
        EnergySource broken = MachineEnergy.of(new FixedEnergy(-1), find(6));
        StandInNvml.set("millijoules", 6, 12);

        assertThat(both.microjoules()).isEqualTo(2_007);
        assertThat(both.description()).isEqualTo("NVML, 1 GPU; fixed");
        assertThat(alone.microjoules()).isEqualTo(2_000);
        assertThat(alone.description())
                .isEqualTo("NVML, 1 GPU; the processor is not measured");
        assertThat(broken.microjoules()).isEqualTo(-1);
        assertThat(MachineEnergy.of(EnergySource.NONE, List.of())).isSameAs(EnergySource.NONE);
    }

    @Test
    void gpusSideBySideAreEachTheirLanesAndTheProcessorIsEverybodys() {
        StandInNvml.set("millijoules", 6, 10);
        StandInNvml.set("millijoules", 7, 10);
        EnergySource both = MachineEnergy.ofLanes(new FixedEnergy(7), List.of(find(6), find(7)));
        StandInNvml.set("millijoules", 6, 12);
        StandInNvml.set("millijoules", 7, 15);

        assertThat(both.microjoules()).isEqualTo(7_007);
        assertThat(both.parts()).extracting(EnergySource.Part::lane).containsExactly(-1, 0, 1);
        assertThat(both.parts()).extracting(part -> part.source().microjoules())
                .containsExactly(7L, 2_000L, 5_000L);
        assertThat(both.description()).isEqualTo("NVML, 1 GPU for each of 2; fixed");
        assertThat(MachineEnergy.ofLanes(EnergySource.NONE, List.of(find(6), find(77)))
                .microjoules()).isEqualTo(-1);
    }

    private record FixedEnergy(long microjoules) implements EnergySource {

        @Override
        public String description() {
            return "fixed";
        }
    }
}

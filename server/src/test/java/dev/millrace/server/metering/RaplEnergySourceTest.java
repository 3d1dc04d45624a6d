package dev.millrace.server.metering;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** Against folders laid out as Linux lays them out under /sys/class/powercap. */
class RaplEnergySourceTest {

    @TempDir
    Path powercap;

    @Test
    void onlyPackagesCount() throws IOException {
        domain("intel-rapl:0", "package-0", 1_000, 262_143);
        domain("intel-rapl:0:0", "core", 700, 262_143);
        domain("intel-rapl:1", "package-1", 2_000, 262_143);
        domain("intel-rapl:2", "psys", 9_000, 262_143);

        EnergySource source = RaplEnergySource.find(powercap);
        domain("intel-rapl:0", "package-0", 1_500, 262_143);
        domain("intel-rapl:0:0", "core", 1_100, 262_143);
        domain("intel-rapl:1", "package-1", 2_030, 262_143);
        domain("intel-rapl:2", "psys", 9_900, 262_143);

        assertThat(source.microjoules()).isEqualTo(530);
        assertThat(source.description()).isEqualTo("RAPL, 2 packages");
    }

    @Test
    void aCounterThatStartsAgainAtZeroGoesOn() throws IOException {
        domain("intel-rapl:0", "package-0", 262_000, 262_143);
        EnergySource source = RaplEnergySource.find(powercap);

        domain("intel-rapl:0", "package-0", 57, 262_143);
        assertThat(source.microjoules()).isEqualTo(200);
        domain("intel-rapl:0", "package-0", 60, 262_143);
        assertThat(source.microjoules()).isEqualTo(203);
    }

    @Test
    void aCounterThatFailedOnceGivesNoFigureAnyMore() throws IOException {
        Path domain = domain("intel-rapl:0", "package-0", 10, 262_143);
        EnergySource source = RaplEnergySource.find(powercap);

        Files.writeString(domain.resolve("energy_uj"), "garbage");
        assertThat(source.microjoules()).isEqualTo(-1);
        domain("intel-rapl:0", "package-0", 20, 262_143);
        assertThat(source.microjoules()).isEqualTo(-1);
    }

    @Test
    void memoryCountsBesideItsPackage() throws IOException {
        domain("intel-rapl:0", "package-0", 100, 262_143);
        domain("intel-rapl:0:0", "core", 50, 262_143);
        domain("intel-rapl:0:1", "dram", 1_000, 65_532);
        EnergySource source = RaplEnergySource.find(powercap);
        domain("intel-rapl:0", "package-0", 130, 262_143);
        domain("intel-rapl:0:1", "dram", 1_004, 65_532);

        assertThat(source.microjoules()).isEqualTo(34);
        assertThat(source.description()).isEqualTo("RAPL, 1 package and memory");
    }

    @Test
    void aCounterThatGoesBackwardsGivesNoFigureAnyMore() throws IOException {
        domain("intel-rapl:0", "package-0", 200_000, 262_143);
        EnergySource source = RaplEnergySource.find(powercap);
        domain("intel-rapl:0", "package-0", 199_000, 262_143);
        assertThat(source.microjoules()).isEqualTo(-1);
        domain("intel-rapl:0", "package-0", 201_000, 262_143);
        assertThat(source.microjoules()).isEqualTo(-1);
    }

    @Test
    void aCounterForRootAloneMeasuresNothing() throws IOException {
        // a folder in its place cannot be read, by root neither
        Path domain = domain("intel-rapl:0", "package-0", 10, 262_143);
        Files.delete(domain.resolve("energy_uj"));
        Files.createDirectory(domain.resolve("energy_uj"));

        assertThat(RaplEnergySource.find(powercap)).isSameAs(EnergySource.NONE);
    }

    @Test
    void aMachineWithoutCountersMeasuresNothing() {
        assertThat(RaplEnergySource.find(powercap)).isSameAs(EnergySource.NONE);
        assertThat(RaplEnergySource.find(powercap.resolve("absent"))).isSameAs(EnergySource.NONE);
        assertThat(EnergySource.NONE.microjoules()).isEqualTo(-1);
    }

    private Path domain(String folder, String name, long microjoules, long range)
            throws IOException {
        Path domain = Files.createDirectories(powercap.resolve(folder));
        Files.writeString(domain.resolve("name"), name + "\n");
        Files.writeString(domain.resolve("energy_uj"), microjoules + "\n");
        Files.writeString(domain.resolve("max_energy_range_uj"), range + "\n");
        return domain;
    }
}

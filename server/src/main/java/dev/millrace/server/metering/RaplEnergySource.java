package dev.millrace.server.metering;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Energy of the CPU packages by RAPL, as Linux shows it under {@code /sys/class/powercap} (kernel
 * documentation, power/powercap). Packages alone: the domains are nested, and adding psys, core or
 * uncore would count the same joules twice. It misses power supply losses, fans and disks.
 */
public final class RaplEnergySource implements EnergySource {

    /** Where Linux keeps the counters. */
    public static final Path POWERCAP = Path.of("/sys/class/powercap");

    private final List<Counter> packages;
    private boolean broken;

    private RaplEnergySource(List<Counter> packages) {
        this.packages = packages;
    }

    /** The packages' counters if every one can be read, otherwise {@link EnergySource#NONE}. */
    public static EnergySource find(Path powercap) {
        List<Counter> packages = new ArrayList<>();
        try (DirectoryStream<Path> domains = Files.newDirectoryStream(powercap, "*-rapl:*")) {
            for (Path domain : domains) {
                if (text(domain.resolve("name")).startsWith("package-")) {
                    packages.add(new Counter(domain));
                }
            }
        } catch (IOException | NumberFormatException e) {
            return NONE; // absent, or for root alone: the machine does not let us measure
        }
        packages.sort(Comparator.comparing(counter -> counter.file));
        return packages.isEmpty() ? NONE : new RaplEnergySource(packages);
    }

    @Override
    public long microjoules() {
        long sum = 0;
        for (Counter counter : packages) {
            broken |= !counter.advance();
            sum += counter.microjoules;
        }
        return broken ? -1 : sum; // a counter that failed once has missed energy for good
    }

    @Override
    public String description() {
        return "RAPL, " + packages.size() + (packages.size() == 1 ? " package" : " packages");
    }

    private static String text(Path file) throws IOException {
        return Files.readString(file).strip();
    }

    /** One package's counter, continued past the point where the hardware starts again at 0. */
    private static final class Counter {

        private final Path file;
        private final long range;
        private long last;
        private long microjoules;

        Counter(Path domain) throws IOException {
            file = domain.resolve("energy_uj");
            range = Long.parseLong(text(domain.resolve("max_energy_range_uj")));
            last = Long.parseLong(text(file));
        }

        boolean advance() {
            try {
                long now = Long.parseLong(text(file));
                microjoules += now >= last ? now - last : range - last + now;
                last = now;
                return true;
            } catch (IOException | NumberFormatException e) {
                return false;
            }
        }
    }
}

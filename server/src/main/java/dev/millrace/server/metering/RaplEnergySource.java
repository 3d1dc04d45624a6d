package dev.millrace.server.metering;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Energy of the CPU packages and, where it is counted, their memory by RAPL, as Linux shows it
 * under {@code /sys/class/powercap} (kernel documentation, power/powercap). The domains are nested:
 * core and uncore are within their package, and psys has all of it, so that adding them would count
 * the same joules twice. It misses power supply losses, fans and disks.
 */
public final class RaplEnergySource implements EnergySource {

    /** Where Linux keeps the counters. */
    public static final Path POWERCAP = Path.of("/sys/class/powercap");

    private final List<Counter> counters;
    private final int packages;
    private boolean broken;

    private RaplEnergySource(List<Counter> counters, int packages) {
        this.counters = counters;
        this.packages = packages;
    }

    /** The counters if every one can be read, otherwise {@link EnergySource#NONE}. */
    public static EnergySource find(Path powercap) {
        List<Counter> counters = new ArrayList<>();
        int packages = 0;
        try (DirectoryStream<Path> domains = Files.newDirectoryStream(powercap, "*-rapl:*")) {
            for (Path domain : domains) {
                String name = text(domain.resolve("name"));
                boolean isPackage = name.startsWith("package-");
                if (isPackage || name.equals("dram")) {
                    counters.add(new Counter(domain));
                    packages += isPackage ? 1 : 0;
                }
            }
        } catch (IOException | NumberFormatException e) {
            return NONE; // absent, or for root alone: the machine does not let us measure
        }
        counters.sort(Comparator.comparing(counter -> counter.file));
        return packages == 0 ? NONE : new RaplEnergySource(counters, packages);
    }

    @Override
    public long microjoules() {
        long sum = 0;
        for (Counter counter : counters) {
            broken |= !counter.advance();
            sum += counter.microjoules;
        }
        return broken ? -1 : sum; // a counter that failed once has missed energy for good
    }

    @Override
    public String description() {
        return "RAPL, " + packages + (packages == 1 ? " package" : " packages")
                + (counters.size() > packages ? " and memory" : "");
    }

    private static String text(Path file) throws IOException {
        return Files.readString(file).strip();
    }

    /** One domain's counter, continued past the point where the hardware starts again at 0. */
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
                long gained = now >= last ? now - last : range - last + now;
                last = now;
                if (now < 0 || gained < 0 || gained > range / 2) {
                    return false; // it did not start again but went backwards
                }
                microjoules += gained;
                return true;
            } catch (IOException | NumberFormatException e) {
                return false;
            }
        }
    }
}

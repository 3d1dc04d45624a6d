package dev.millrace.bench.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * The machine and software that a result belongs to.
 *
 * @param processor what the system calls its processor, or its architecture
 * @param cores     processors that the JVM may use
 * @param java      the virtual machine's version
 * @param commit    of the source, as the launcher saw it; {@code unknown} outside a checkout
 */
public record Hardware(String processor, int cores, String java, String commit) {

    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    /** Reads what this process runs on. */
    public static Hardware detect() {
        return new Hardware(processorName(), Runtime.getRuntime().availableProcessors(),
                Runtime.version().toString(), System.getProperty("millrace.commit", "unknown"));
    }

    private static String processorName() {
        try (Stream<String> lines = Files.lines(CPU_INFO)) {
            String name = field(lines, "model name");
            return name == null ? System.getProperty("os.arch") : name;
        } catch (IOException e) {
            return System.getProperty("os.arch"); // no such file outside Linux
        }
    }

    private static String field(Stream<String> lines, String key) {
        return lines.filter(line -> line.startsWith(key)).map(line -> line.split(":\\s*", 2)[1])
                .findFirst().orElse(null);
    }
}

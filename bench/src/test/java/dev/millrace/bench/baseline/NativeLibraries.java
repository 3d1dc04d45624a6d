package dev.millrace.bench.baseline;

import java.util.Set;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.Assumptions;

/** Which platforms the build fetches the baselines' native libraries for. */
public final class NativeLibraries {

    private static final Set<String> PLATFORMS = Set.of("linux-x86_64", "linux-arm64",
            "macosx-arm64");

    private NativeLibraries() {}

    /** Skips the test on any other platform. */
    public static void assume() {
        Assumptions.assumeTrue(PLATFORMS.contains(Loader.getPlatform()),
                () -> "no native libraries of the baselines for " + Loader.getPlatform());
    }
}

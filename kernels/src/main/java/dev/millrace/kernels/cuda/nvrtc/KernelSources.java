package dev.millrace.kernels.cuda.nvrtc;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The kernels' sources, which every build carries. */
public final class KernelSources {

    private static final String FOLDER = "/cuda/";

    private KernelSources() {}

    /** All files as one, in the order and with the line marks that {@code build.sh} compiles. */
    public static String together() {
        StringBuilder together = new StringBuilder();
        text("files").lines().forEach(file -> together.append("#line 1 \"").append(file)
                .append("\"\n").append(text(file)));
        return together.toString();
    }

    private static String text(String file) {
        try (InputStream in = KernelSources.class.getResourceAsStream(FOLDER + file)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

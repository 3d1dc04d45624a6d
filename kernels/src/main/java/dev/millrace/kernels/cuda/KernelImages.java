package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The compiled kernels that the build left in the class path, one file per architecture. */
public final class KernelImages {

    /** The property of a folder with kernels to take instead, as {@code build.sh} makes it. */
    private static final String FOLDER = "millrace.cuda.kernels";

    private KernelImages() {}

    /**
     * The kernels for a device: made for its architecture, or for an older one of the same
     * generation, which its successors run as well.
     *
     * @throws KernelException if the build made none that the device runs
     */
    public static byte[] find(CudaDeviceInfo device) {
        String folder = System.getProperty(FOLDER);
        int generation = device.capability() / 10 * 10;
        for (int capability = device.capability(); capability >= generation; capability--) {
            String name = "sm_" + capability + ".cubin";
            try (InputStream in = folder == null
                    ? KernelImages.class.getResourceAsStream("/cuda/" + name)
                    : stream(Path.of(folder, name))) {
                if (in != null) {
                    return in.readAllBytes();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        if (folder != null) {
            throw new KernelException("-D" + FOLDER + "=" + folder + " has no kernels for compute"
                    + " capability " + device.capabilityText() + " (the " + device.name() + ")");
        }
        throw new KernelException("this build has no kernels for compute capability "
                + device.capabilityText() + " (the " + device.name() + "), which mvn -Pcuda package"
                + " makes where nvcc of CUDA 13 is on the PATH");
    }

    private static InputStream stream(Path file) throws IOException {
        return Files.isRegularFile(file) ? Files.newInputStream(file) : null;
    }
}

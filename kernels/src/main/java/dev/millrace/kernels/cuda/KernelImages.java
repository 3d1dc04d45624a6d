package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** The compiled kernels that the build left in the class path, one file per architecture. */
public final class KernelImages {

    private KernelImages() {}

    /**
     * The kernels for a device: made for its architecture, or for an older one of the same
     * generation, which its successors run as well.
     *
     * @throws KernelException if the build made none that the device runs
     */
    public static byte[] find(CudaDeviceInfo device) {
        int generation = device.capability() / 10 * 10;
        for (int capability = device.capability(); capability >= generation; capability--) {
            try (InputStream in = KernelImages.class
                    .getResourceAsStream("/cuda/sm_" + capability + ".cubin")) {
                if (in != null) {
                    return in.readAllBytes();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        throw new KernelException("this build has no kernels for compute capability "
                + device.capabilityText() + " (the " + device.name() + "), which mvn -Pcuda package"
                + " makes where nvcc of CUDA 13 is on the PATH");
    }
}

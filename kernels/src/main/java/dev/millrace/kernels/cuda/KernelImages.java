package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cuda.nvrtc.CompiledKernels;
import dev.millrace.kernels.cuda.nvrtc.KernelSources;
import dev.millrace.kernels.cuda.nvrtc.Nvrtc;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The compiled kernels: those that the build left in the class path, one file per architecture, or
 * what NVRTC makes of their sources at run time.
 */
public final class KernelImages {

    /** The property of a folder with kernels to take instead, as {@code build.sh} makes it. */
    private static final String FOLDER = "millrace.cuda.kernels";

    private static final Logger LOG = System.getLogger(KernelImages.class.getName());

    private KernelImages() {}

    /**
     * The kernels for a device: made for its architecture, or for an older one of the same
     * generation, which its successors run as well. Where the build made none they are compiled
     * now, for up to a minute, if NVRTC is there.
     *
     * @param kept the folder in which to look for what was compiled so, and to keep it
     * @throws KernelException if there are none that the device runs; says what to do
     */
    public static byte[] find(CudaDeviceInfo device, Path kept) {
        return find(device, new CompiledKernels(kept, text -> LOG.log(Level.INFO, text)),
                Nvrtc::find);
    }

    static byte[] find(CudaDeviceInfo device, CompiledKernels kept,
            Supplier<Optional<Nvrtc>> compiler) {
        String folder = System.getProperty(FOLDER);
        for (int capability = device.capability(); capability >= generation(
                device); capability--) {
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
            throw new KernelException("-D" + FOLDER + "=" + folder + " has no kernels for "
                    + text(device));
        }
        Nvrtc found = compiler.get().orElseThrow(() -> new KernelException("this build has no"
                + " kernels for " + text(device) + ", and " + Nvrtc.LIBRARY + ", which would"
                + " compile them, is not there: install cuda-nvrtc-13-0 and see that the loader"
                + " finds it (LD_LIBRARY_PATH), or build with mvn -Pcuda package where nvcc of"
                + " CUDA 13 is on the PATH"));
        return kept.image(found, KernelSources.together(), architecture(device, found));
    }

    /** The latest that the compiler knows and the device runs. */
    private static int architecture(CudaDeviceInfo device, Nvrtc compiler) {
        return compiler.architectures().stream()
                .filter(each -> each >= generation(device) && each <= device.capability())
                .reduce((earlier, later) -> later)
                .orElseThrow(() -> new KernelException("this build has no kernels for "
                        + text(device) + ", and NVRTC " + compiler.version()
                        + " does not compile for it: update cuda-nvrtc"));
    }

    private static int generation(CudaDeviceInfo device) {
        return device.capability() / 10 * 10;
    }

    private static String text(CudaDeviceInfo device) {
        return "compute capability " + device.capabilityText() + " (the " + device.name() + ")";
    }

    private static InputStream stream(Path file) throws IOException {
        return Files.isRegularFile(file) ? Files.newInputStream(file) : null;
    }
}

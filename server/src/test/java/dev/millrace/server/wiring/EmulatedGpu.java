package dev.millrace.server.wiring;

import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.StandInNvml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Lets servers of this process find an emulated GPU, its kernels and its meter, until it is closed:
 * other tests of the process see a machine without a GPU.
 */
public final class EmulatedGpu implements AutoCloseable {

    private static final String KERNELS = "millrace.cuda.kernels";

    /** @param folder for what stands in for compiled kernels */
    public EmulatedGpu(Path folder) throws IOException {
        StandInNvml.load();
        Files.write(folder.resolve("sm_90.cubin"), EmulatedDriver.image());
        System.setProperty(KERNELS, folder.toString());
        show(1);
    }

    /** Shows so many GPUs. */
    public void show(int count) {
        EmulatedDriver.set("devices", count);
    }

    @Override
    public void close() {
        show(0);
        System.clearProperty(KERNELS);
    }
}

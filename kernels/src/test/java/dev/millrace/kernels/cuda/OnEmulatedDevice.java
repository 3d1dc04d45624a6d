package dev.millrace.kernels.cuda;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Tests that share a device of the emulated driver; skipped where there is none. */
abstract class OnEmulatedDevice {

    static CudaDevice device;
    static CudaKernels kernels;

    @BeforeAll
    static void openDevice() {
        device = EmulatedDriver.open();
        kernels = new CudaKernels(device);
    }

    @AfterAll
    static void closeDevice() {
        if (device != null) {
            device.close();
            device = null;
        }
    }
}

package dev.millrace.kernels.cuda;

import dev.millrace.kernels.WorkerPool;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Tests that share a device of the emulated driver; skipped where there is none. */
abstract class OnEmulatedDevice {

    static CudaDevice device;
    static CudaKernels kernels;
    /** To pack weights. */
    static WorkerPool pool;

    @BeforeAll
    static void openDevice() {
        device = EmulatedDriver.open();
        kernels = new CudaKernels(device);
        pool = WorkerPool.create(2);
    }

    @AfterAll
    static void closeDevice() {
        if (device != null) {
            pool.close();
            device.close();
            device = null;
        }
    }
}

package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.kernels.cuda.CudaLostException;
import java.util.function.Supplier;

/** What is asked of devices, with the loss of one told in the words of the seam. */
final class DeviceCalls {

    private DeviceCalls() {}

    /** @throws DeviceLostException if a device is lost */
    static <T> T ask(Supplier<T> work) {
        try {
            return work.get();
        } catch (CudaLostException e) {
            throw new DeviceLostException(e.getMessage(), e);
        }
    }
}

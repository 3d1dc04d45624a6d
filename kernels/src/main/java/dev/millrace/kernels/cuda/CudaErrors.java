package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import java.util.Set;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;

import static org.bytedeco.cuda.global.cudart.*;

/** The driver's errors as exceptions: those that a call had, and those that a device is lost by. */
final class CudaErrors {

    /** CUDA's manual says of these that the process must be ended, or the hardware is at fault. */
    private static final Set<Integer> LOST = Set.of(CUDA_ERROR_ECC_UNCORRECTABLE,
            CUDA_ERROR_NVLINK_UNCORRECTABLE, CUDA_ERROR_CONTAINED, CUDA_ERROR_ILLEGAL_ADDRESS,
            CUDA_ERROR_LAUNCH_TIMEOUT, CUDA_ERROR_CONTEXT_IS_DESTROYED, CUDA_ERROR_ASSERT,
            CUDA_ERROR_HARDWARE_STACK_ERROR, CUDA_ERROR_ILLEGAL_INSTRUCTION,
            CUDA_ERROR_MISALIGNED_ADDRESS, CUDA_ERROR_INVALID_ADDRESS_SPACE,
            CUDA_ERROR_INVALID_PC, CUDA_ERROR_LAUNCH_FAILED, CUDA_ERROR_TENSOR_MEMORY_LEAK);

    private static final String ADVICE = "; restart the server, and look at nvidia-smi and for"
            + " \"Xid\" in dmesg for the cause";

    private CudaErrors() {}

    /**
     * What to throw.
     *
     * @param what the device was to do
     */
    static RuntimeException of(CudaDeviceInfo device, int error, String what) {
        return LOST.contains(error)
                ? new CudaLostException("the GPU " + device.handle() + " (" + device.name()
                        + ") is lost: " + name(error) + ", " + text(error) + " (CUDA error "
                        + error + "), noticed when it was to " + what + ADVICE)
                : new KernelException("the " + device.name() + " could not " + what + ": "
                        + text(error) + " (CUDA error " + error + ")");
    }

    /** GPUs that cannot exchange anything any more. @param reason in words of who noticed */
    static CudaLostException exchangeLost(String reason) {
        return new CudaLostException("the GPUs that share the model have lost each other: "
                + reason + ADVICE);
    }

    private static String name(int error) {
        try (PointerPointer<?> name = new PointerPointer<>(1)) {
            return cuGetErrorName(error, name) == 0 && name.get() != null
                    ? new BytePointer(name.get()).getString()
                    : "an error without a name";
        }
    }

    private static String text(int error) {
        try (PointerPointer<?> text = new PointerPointer<>(1)) {
            return cuGetErrorString(error, text) == 0 && text.get() != null
                    ? new BytePointer(text.get()).getString()
                    : "unknown error";
        }
    }
}

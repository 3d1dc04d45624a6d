package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** A device that fails: once, or for good. */
class DeviceFailureTest {

    private CudaDevice device;

    @BeforeEach
    void open() {
        device = EmulatedDriver.open();
    }

    @AfterEach
    void close() {
        device.close();
        EmulatedDriver.repair();
    }

    @Test
    void anErrorOfOneCallIsToldAndGone() {
        long address = device.allocate(256);
        EmulatedDriver.fail("copy", 2, 701);
        device.clear(address, 16);

        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> device.clear(address, 16))
                .withMessage("the emulated device could not clear 16 bytes: too many resources"
                        + " requested for launch (CUDA error 701)");
        device.clear(address, 16);
        device.synchronize();
    }

    @ParameterizedTest
    @CsvSource({"700, CUDA_ERROR_ILLEGAL_ADDRESS, an illegal memory access was encountered",
        "719, CUDA_ERROR_LAUNCH_FAILED, unspecified launch failure",
        "214, CUDA_ERROR_ECC_UNCORRECTABLE, uncorrectable ECC error encountered"})
    void someErrorsStayForWhateverIsAskedAndSayWhatToDo(int error, String name, String text) {
        long address = device.allocate(256);
        long full = device.freeBytes();
        EmulatedDriver.fail("synchronize", 1, error);
        String start = "the GPU 0 (emulated device) is lost: " + name + ", " + text
                + " (CUDA error " + error + "), noticed when it was to ";
        String end = "; restart the server, and look at nvidia-smi and for \"Xid\" in dmesg for"
                + " the cause";

        assertThatExceptionOfType(CudaLostException.class).isThrownBy(device::synchronize)
                .withMessage(start + "finish what it was doing" + end);
        assertThatExceptionOfType(CudaLostException.class)
                .isThrownBy(() -> device.clear(address, 16))
                .withMessage(start + "clear 16 bytes" + end);
        assertThatExceptionOfType(CudaLostException.class)
                .isThrownBy(() -> device.allocate(16))
                .withMessage(start + "give 16 bytes" + end);
        device.close();
        EmulatedDriver.repair();
        device = EmulatedDriver.open();
        assertThat(device.freeBytes()).isEqualTo(full + 256);
    }

    @Test
    void memoryThatRunsOutIsToldInNumbers() {
        EmulatedDriver.fail("allocate", 1, CudaDevice.OUT_OF_MEMORY);

        assertThatExceptionOfType(CudaMemoryException.class)
                .isThrownBy(() -> device.allocate(4096))
                .withMessage("the emulated device has " + (8L << 30) + " bytes of memory left, and"
                        + " 4096 more were needed");
        assertThat(device.allocate(4096)).isPositive();
    }
}

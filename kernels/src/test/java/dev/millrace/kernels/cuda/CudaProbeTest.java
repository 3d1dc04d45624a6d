package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cuda.CudaProbe.Finding;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** What a probe says of good and bad drivers, which the emulated one can both be. */
class CudaProbeTest {

    @Test
    void aDeviceIsDescribed() {
        EmulatedDriver.load();

        CudaDeviceInfo device = CudaProbe.find().device().orElseThrow();

        assertThat(device.description())
                .isEqualTo("emulated device, compute capability 9.0, driver of CUDA 13.0");
        assertThat(device.memoryBytes()).isEqualTo(8L << 30);
    }

    @Test
    void allDevicesAreFoundInTheDriversOrder() {
        assertThat(EmulatedDriver.devices(3)).extracting(CudaDeviceInfo::handle)
                .containsExactly(0, 1, 2);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "driver     | 12080 | the NVIDIA driver is of CUDA 12.8, and 13.0 or newer is needed"
                + "           | update the driver to 580 or newer",
        "devices    | 0     | the NVIDIA driver shows no device"
                + "           | see what nvidia-smi says and whether CUDA_VISIBLE_DEVICES hides it",
        "capability | 75    | the emulated device has compute capability 7.5, and 8.0 or newer is"
                + " needed | use a GPU of the Ampere generation (2020) or a later one"})
    void whatCannotServeIsToldWithAdvice(String what, long value, String reason, String advice) {
        long before = EmulatedDriver.set(what, value);
        try {
            assertThat(CudaProbe.find()).isEqualTo(Finding.none(reason, advice));
        } finally {
            EmulatedDriver.set(what, before);
        }
    }

    @Test
    void memoryThatIsNotThereIsRefusedWithNumbersAndLosesNothing() {
        long before = EmulatedDriver.set("memory", 1 << 20);
        try (CudaDevice device = EmulatedDriver.open()) {
            long first = device.allocate(1 << 19);
            assertThatExceptionOfType(CudaMemoryException.class)
                    .isThrownBy(() -> device.allocate((1 << 19) + 256))
                    .withMessage("the emulated device has 524288 bytes of memory left, and 524544"
                            + " more were needed");
            device.free(first);
            assertThat(device.freeBytes()).isEqualTo(1 << 20);
            assertThatExceptionOfType(KernelException.class)
                    .isThrownBy(() -> device.function("nosuch"))
                    .withMessageContaining("could not find the kernel nosuch");
        } finally {
            EmulatedDriver.set("memory", before);
        }
    }
}

package dev.millrace.kernels.cuda;

import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** A probe does all of what it counts; how fast that is on an emulator is nobody's business. */
class DeviceProbeTest {

    /** Two blocks of threads, some of whose threads have loads left over. */
    private static final DeviceProbe.Size SMALL = new DeviceProbe.Size(36_864, 2, 3, 1);

    private static DeviceProbe open() {
        EmulatedDriver.load();
        return new DeviceProbe(CudaProbe.find().device().orElseThrow(), EmulatedDriver.image(),
                SMALL);
    }

    @Test
    void everyByteIsReadOnceAndEveryProductIsComputed() {
        int[] content = new Random(1).ints(SMALL.bytes() / Integer.BYTES).toArray();
        int sum = 0;
        for (int word : content) {
            sum ^= word;
        }
        try (DeviceProbe probe = open()) {
            assertThat(probe.readOnce(content)).isEqualTo(sum);
            assertThat(probe.multiplyOnce()).hasSize(512).containsOnly(3 * 8 * 4 * 16);
            assertThat(probe.readGigabytesPerSecond()).isPositive();
            assertThat(probe.copyGigabytesPerSecond()).isPositive();
            assertThat(probe.teraflops()).isPositive();
        }
    }

    @Test
    void aSizeThatCannotBeReadIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new DeviceProbe.Size(513, 1, 1, 1))
                .withMessageContaining("a multiple of 512 bytes");
    }

    @Test
    void aProbeTakesNoMoreMemoryThanThereIs() {
        assertThat(DeviceProbe.Size.USUAL.within(1L << 40)).isEqualTo(DeviceProbe.Size.USUAL);
        assertThat(DeviceProbe.Size.USUAL.within(1_000_000).bytes()).isEqualTo(999_936);
        assertThat(SMALL.within(1).bytes()).isEqualTo(512);
    }
}

package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** What is recorded once and launched often, and what a device refuses while it records. */
class CudaGraphTest {

    private static final int COUNT = 5;

    private CudaDevice device;
    private long floats;
    private long best;
    private long arrivals;
    private MemorySegment in;
    private MemorySegment out;

    @BeforeEach
    void open() {
        device = EmulatedDriver.open();
        floats = device.allocate(COUNT * Float.BYTES);
        best = device.allocate(2 * Integer.BYTES);
        arrivals = device.allocate(CudaKernels.logitArrivalBytes(1));
        device.clear(arrivals, CudaKernels.logitArrivalBytes(1));
        in = device.pin(COUNT * Float.BYTES);
        out = device.pin(2 * Integer.BYTES);
        out.fill((byte) 0);
    }

    @AfterEach
    void close() {
        device.close();
    }

    private CudaGraph largest() {
        CudaKernels kernels = new CudaKernels(device);
        return device.capture(() -> {
            device.upload(in, floats);
            kernels.finishLogits(floats, best, arrivals, 1, COUNT, 1, 0);
            device.download(best, out);
        });
    }

    @Test
    void everyLaunchReadsWhatIsThereThen() {
        CudaGraph graph = largest();
        device.synchronize();
        assertThat(out.getAtIndex(ValueLayout.JAVA_INT, 1)).as("done while recorded").isZero();
        for (int place : new int[]{3, 0, 4}) {
            in.fill((byte) 0);
            in.setAtIndex(ValueLayout.JAVA_FLOAT, place, 1);
            graph.launch();
            device.synchronize();

            assertThat(out.getAtIndex(ValueLayout.JAVA_INT, 0)).isEqualTo(place);
            assertThat(out.getAtIndex(ValueLayout.JAVA_INT, 1)).isOne();
        }
    }

    @Test
    void aGraphIsOneLaunchAndRecordingIsNone() {
        long kernels = EmulatedDriver.count("launches");
        long graphs = EmulatedDriver.count("graphs");

        CudaGraph graph = largest();
        assertThat(device.launches()).isZero();
        graph.launch();
        graph.launch();

        assertThat(device.launches()).isEqualTo(2);
        assertThat(EmulatedDriver.count("launches")).isEqualTo(kernels);
        assertThat(EmulatedDriver.count("graphs")).isEqualTo(graphs + 2);
    }

    /** The driver refuses what a device cannot. */
    @ParameterizedTest
    @CsvSource({"80, 0", "90, 3", "120, 3"})
    void kernelsOverlapWithKernelsAndWithNothingElse(int capability, int overlapped) {
        long before = EmulatedDriver.set("capability", capability);
        try (CudaDevice other = EmulatedDriver.open()) {
            other.makeCurrent();
            other.overlapKernels();
            CudaKernels kernels = new CudaKernels(other);
            long logits = other.allocate(1024);
            Runnable three = () -> {
                other.clear(logits, 1024);
                for (int i = 0; i < 3; i++) {
                    kernels.finishLogits(logits, logits + 512, logits + 256, 1, COUNT, 1, 0);
                }
            };
            long count = EmulatedDriver.count("overlapped");
            CudaGraph graph = other.capture(three);
            graph.launch();
            kernels.finishLogits(logits, logits + 512, logits + 256, 1, COUNT, 1, 0);
            kernels.finishLogits(logits, logits + 512, logits + 256, 1, COUNT, 1, 0);
            other.synchronize();

            assertThat(EmulatedDriver.count("overlapped") - count).isEqualTo(overlapped);
        } finally {
            EmulatedDriver.set("capability", before);
        }
    }

    @Test
    void whatCannotBeRecordedSpoilsTheRecordingAndNothingElse() {
        assertRefused(device::synchronize, "finish what it was doing");
        assertRefused(() -> device.allocate(256), "give 256 bytes");
        assertRefused(() -> device.pin(256), "pin 256 bytes");
        assertThatIllegalStateException().isThrownBy(() -> device.capture(() -> {
            throw new IllegalStateException("a caller's own");
        })).withMessage("a caller's own");

        everyLaunchReadsWhatIsThereThen();
    }

    private void assertRefused(Runnable work, String what) {
        assertThatExceptionOfType(KernelException.class).isThrownBy(() -> device.capture(work))
                .withMessageContaining("could not " + what).withMessageContaining("900");
    }
}

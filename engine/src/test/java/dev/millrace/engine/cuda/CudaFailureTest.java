package dev.millrace.engine.cuda;

import dev.millrace.engine.cpu.TinyLora;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cuda.EmulatedDriver;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** What a forward pass makes of a device that fails. */
class CudaFailureTest {

    private static final int OUT_OF_MEMORY = 2;
    private static final int ILLEGAL_ADDRESS = 700;
    private static final int LAUNCH_OUT_OF_RESOURCES = 701;

    private final WorkerPool pool = WorkerPool.create(2);
    private final RandomModel model = RandomModel.plain();

    @AfterEach
    void close() {
        EmulatedDriver.repair();
        pool.close();
    }

    private ForwardPass open() {
        return EmulatedBackend.open(pool).open(model.spec(), model, budget());
    }

    private static MemoryBudget budget() {
        return new MemoryBudget(1L << 30, RandomModel.CONTEXT_TOKENS, 4, 40, KvFormat.F16);
    }

    @Test
    void aStepThatALaunchRefusesFailsAloneAndTheNextHasTheSameBits() {
        try (ForwardPass pass = open()) {
            float[] expected = SequenceFeed.inBlocks(0, 1).logits(pass, 1, 2, 3);
            EmulatedDriver.fail("launch", 5, LAUNCH_OUT_OF_RESOURCES);

            assertThatExceptionOfType(KernelException.class)
                    .isThrownBy(() -> SequenceFeed.inBlocks(1, 1).logits(pass, 1, 2, 3))
                    .withMessageContaining("too many resources requested for launch");
            assertThat(SequenceFeed.inBlocks(1, 1).logits(pass, 1, 2, 3)).isEqualTo(expected);
        }
    }

    @Test
    void aLostDeviceIsSaidByEveryStepAndClosedWithoutAWord() {
        ForwardPass pass = open();
        EmulatedDriver.fail("synchronize", 1, ILLEGAL_ADDRESS);

        for (int i = 0; i < 2; i++) {
            assertThatExceptionOfType(DeviceLostException.class)
                    .isThrownBy(() -> SequenceFeed.inBlocks(0, 1).logits(pass, 1))
                    .withMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS");
        }
        assertThatExceptionOfType(DeviceLostException.class).as("another model")
                .isThrownBy(this::open).withMessageContaining("restart the server");
        assertThatCode(pass::close).doesNotThrowAnyException();
    }

    /**
     * As it is given work, or in the middle of an exchange. The others would wait for it for ever:
     * the emulator ends the process of who waits so.
     */
    @ParameterizedTest
    @CsvSource({"launch, 30", "exchange, 3"})
    void oneLostDeviceOfSeveralEndsTheStepAndIsClosedWithoutWaitingForIt(String call, int calls) {
        ForwardPass pass = EmulatedBackend.open(pool, 2).open(model.spec(), model, budget());
        EmulatedDriver.fail(call, calls, ILLEGAL_ADDRESS);

        for (int i = 0; i < 2; i++) {
            assertThatExceptionOfType(DeviceLostException.class)
                    .isThrownBy(() -> SequenceFeed.inBlocks(0, 1).logits(pass, 1, 2, 3))
                    .withMessageContaining("is lost: CUDA_ERROR_ILLEGAL_ADDRESS");
        }
        assertThatCode(pass::close).doesNotThrowAnyException();
    }

    @Test
    void aStepThatFindsNoMemoryToBeCapturedHasTheSameBitsKernelByKernel() {
        float[] expected;
        try (ForwardPass pass = open()) {
            expected = SequenceFeed.inBlocks(0, 1).logits(pass, 1);
        }
        EmulatedDriver.fail("instantiate", 1, OUT_OF_MEMORY);
        try (ForwardPass pass = open()) {
            assertThat(EmulatedDriver.repair()).as("failures left").isZero();
            assertThat(SequenceFeed.inBlocks(0, 1).logits(pass, 1)).isEqualTo(expected);
        }
    }

    @Test
    void anAdapterThatFindsNoMemoryIsRefusedInNumbersAndStepsGoOn() {
        try (TinyLora tiny = new TinyLora(EmulatedBackend::open, List.of("wide"))) {
            int slot = tiny.slot("wide");
            float[] expected = SequenceFeed.inBlocks(0, 1).withAdapter(slot).logits(tiny.pass(), 7);
            EmulatedDriver.fail("allocate", 1, OUT_OF_MEMORY);

            assertThatExceptionOfType(BackendException.class)
                    .isThrownBy(() -> tiny.pass().loadAdapter(tiny.open("narrow")))
                    .withMessageMatching(".* has \\d+ bytes of memory left, and \\d+ more were"
                            + " needed for the adapter .*; something else takes the device's"
                            + " memory \\(see nvidia-smi\\)");
            assertThat(tiny.pass().loadAdapter(tiny.open("narrow"))).isGreaterThan(slot);
            assertThat(SequenceFeed.inBlocks(1, 1).withAdapter(slot).logits(tiny.pass(), 7))
                    .isEqualTo(expected);
        }
    }
}

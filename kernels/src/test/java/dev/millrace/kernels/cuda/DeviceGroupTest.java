package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** Several emulated devices, and what they exchange. */
class DeviceGroupTest {

    private static final int FLOATS = 70;

    private final List<CudaDevice> devices = new ArrayList<>();

    @AfterEach
    void closeDevices() {
        devices.forEach(CudaDevice::close);
        if (!devices.isEmpty()) {
            EmulatedDriver.repair();
        }
    }

    private void open(int count) {
        EmulatedDriver.load();
        EmulatedDriver.devices(count).forEach(info -> devices.add(EmulatedDriver.open(info)));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void everyDeviceHasThePartsOfAllInTheirOrder(int count) {
        open(count);
        try (DeviceGroup group = new DeviceGroup(Nccl.load(), devices);
                Arena arena = Arena.ofConfined()) {
            long[] parts = new long[count];
            long[] wholes = new long[count];
            allocate(parts, wholes);
            for (int i = 0; i < count; i++) {
                upload(arena, i, i + 1, parts[i]);
            }
            group.gather(parts, wholes, FLOATS);
            for (int i = 0; i < count; i++) {
                upload(arena, i, -1, parts[i]); // too late to be gathered
            }
            for (int i = count - 1; i >= 0; i--) {
                float[] whole = download(arena, i, wholes[i], count * FLOATS);
                for (int j = 0; j < whole.length; j++) {
                    assertThat(whole[j]).isEqualTo(j / FLOATS + 1);
                }
            }
        }
    }

    /** Each by a thread of its own: a device may keep who launches until all are launched. */
    @Test
    void whatIsRecordedForAllIsLaunchedForAllAsOftenAsWanted() {
        open(3);
        try (DeviceGroup group = new DeviceGroup(Nccl.load(), devices);
                Arena arena = Arena.ofConfined()) {
            long[] parts = new long[3];
            long[] wholes = new long[3];
            allocate(parts, wholes);
            long graphs = EmulatedDriver.count("graphs");
            RecordedStep step = group.capture(() -> {
                group.gather(parts, wholes, FLOATS);
                group.gather(parts, wholes, FLOATS);
            });
            for (int round = 1; round <= 3; round++) {
                for (int i = 0; i < 3; i++) {
                    upload(arena, i, round + i, parts[i]);
                }
                step.launch();
                for (int i = 0; i < 3; i++) {
                    float[] whole = download(arena, i, wholes[i], 3 * FLOATS);
                    for (int j = 0; j < whole.length; j++) {
                        assertThat(whole[j]).isEqualTo(round + j / FLOATS);
                    }
                }
            }
            assertThat(EmulatedDriver.count("graphs") - graphs).isEqualTo(9);
        }
    }

    @Test
    void aDeviceWithoutMemoryForARecordingLeavesNoneOnTheOthers() {
        open(2);
        long[] parts = new long[2];
        long[] wholes = new long[2];
        allocate(parts, wholes);
        try (DeviceGroup group = new DeviceGroup(Nccl.load(), devices)) {
            EmulatedDriver.fail("instantiate", 2, CudaDevice.OUT_OF_MEMORY);
            assertThatExceptionOfType(CudaMemoryException.class)
                    .isThrownBy(() -> group.capture(() -> group.gather(parts, wholes, FLOATS)));
            assertThatIllegalStateException().isThrownBy(() -> group.capture(() -> {
                throw new IllegalStateException("a caller's own");
            })).withMessage("a caller's own");

            group.capture(() -> group.gather(parts, wholes, FLOATS)).launch();
            devices.getFirst().makeCurrent();
            devices.getFirst().synchronize();
        } // the stand-in ends the process if a graph is left when communicators are destroyed
    }

    /** The others have theirs, and would wait for it. */
    @Test
    void aRecordingThatOneDeviceDoesNotTakeDisconnectsAll() {
        open(2);
        long[] parts = new long[2];
        long[] wholes = new long[2];
        allocate(parts, wholes);
        try (DeviceGroup group = new DeviceGroup(Nccl.load(), devices)) {
            RecordedStep step = group.capture(() -> group.gather(parts, wholes, FLOATS));
            EmulatedDriver.fail("graph", 2, 701);

            assertThatExceptionOfType(CudaLostException.class).isThrownBy(step::launch)
                    .withMessageStartingWith("the GPUs that share the model have lost each other:"
                            + " the emulated device could not run a recorded step: too many"
                            + " resources requested for launch (CUDA error 701); restart");
            assertThatExceptionOfType(CudaLostException.class).isThrownBy(step::launch);
        }
    }

    private void allocate(long[] parts, long[] wholes) {
        for (int i = 0; i < parts.length; i++) {
            devices.get(i).makeCurrent();
            parts[i] = devices.get(i).allocate(FLOATS * 4);
            wholes[i] = devices.get(i).allocate((long) parts.length * FLOATS * 4);
        }
    }

    private void upload(Arena arena, int device, float value, long address) {
        MemorySegment values = arena.allocate(FLOATS * 4, 4);
        for (int i = 0; i < FLOATS; i++) {
            values.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
        devices.get(device).makeCurrent();
        devices.get(device).upload(values, address);
    }

    private float[] download(Arena arena, int device, long address, int floats) {
        MemorySegment values = arena.allocate(floats * 4L, 4);
        devices.get(device).makeCurrent();
        devices.get(device).download(address, values);
        devices.get(device).synchronize();
        return values.toArray(ValueLayout.JAVA_FLOAT);
    }

    @Test
    void eachDeviceHasMemoryOfItsOwn() {
        open(2);
        long full = devices.getFirst().freeBytes();
        devices.getFirst().makeCurrent();
        long address = devices.getFirst().allocate(1 << 20);

        assertThat(devices.getFirst().freeBytes()).isEqualTo(full - (1 << 20));
        devices.getLast().makeCurrent();
        assertThat(devices.getLast().freeBytes()).isEqualTo(full);
        assertThatExceptionOfType(KernelException.class)
                .as("another device's memory")
                .isThrownBy(() -> devices.getLast().clear(address, 16));
        assertThatExceptionOfType(KernelException.class)
                .as("a stream of a device that is not current")
                .isThrownBy(() -> devices.getFirst().clear(address, 16));
    }

    /** The emulator ends the process of who would wait for ever. */
    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {
        "exchange; 700; the GPU 1 (emulated device) is lost: CUDA_ERROR_ILLEGAL_ADDRESS, an illegal"
                + " memory access was encountered (CUDA error 700), noticed when it was to finish"
                + " what it was doing",
        "network; 6; the GPUs that share the model have lost each other: NCCL reports remote"
                + " process exited or there was a network error (NCCL error 6)"})
    void whatEndsAnExchangeEndsTheWaitForIt(String what, int error, String sentence) {
        open(2);
        long[] parts = new long[2];
        long[] wholes = new long[2];
        allocate(parts, wholes);
        try (DeviceGroup group = new DeviceGroup(Nccl.load(), devices)) {
            EmulatedDriver.fail(what, 2, error);
            group.gather(parts, wholes, FLOATS);
            group.gather(parts, wholes, FLOATS);
            CudaDevice first = devices.getFirst();
            first.makeCurrent();

            assertThatExceptionOfType(CudaLostException.class).isThrownBy(first::synchronize)
                    .withMessage(sentence + "; restart the server, and look at nvidia-smi and for"
                            + " \"Xid\" in dmesg for the cause");
            assertThatExceptionOfType(CudaLostException.class).as("what is asked for later")
                    .isThrownBy(() -> group.gather(parts, wholes, FLOATS))
                    .withMessageStartingWith(sentence);
            first.makeCurrent();
            assertThatCode(first::synchronize).as("no longer waits").doesNotThrowAnyException();
        }
    }

    @Test
    void oneDeviceTwiceIsRefusedInTheLibrarysWords() {
        open(1);
        devices.add(devices.getFirst());

        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> new DeviceGroup(Nccl.load(), devices))
                .withMessage("NCCL could not connect the GPUs: invalid usage (NCCL error 5)");
    }

    @Test
    void aLibraryThatIsMissingOrTooOldIsToldWithAdvice() {
        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> Nccl.load("libnosuch.so.2"))
                .withMessage("several GPUs cannot work on one model without NCCL (libnosuch.so.2"
                        + " is not there): install libnccl2 for CUDA 13, and see that the loader"
                        + " finds it (LD_LIBRARY_PATH), or use one GPU");
        assertThatExceptionOfType(KernelException.class)
                .isThrownBy(() -> Nccl.requireVersion(22_304))
                .withMessage("NCCL is of version 2.23.4, and 2.27.0 or newer is needed: update"
                        + " libnccl2, or use one GPU");
    }
}

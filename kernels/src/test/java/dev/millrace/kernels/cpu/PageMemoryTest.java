package dev.millrace.kernels.cpu;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class PageMemoryTest {

    private static final long LARGE = (5L << 20) + 3;

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 63, 100_000, LARGE})
    void isAlignedAndZero(long bytes) {
        for (boolean resident : new boolean[]{false, true}) {
            try (PageMemory memory = PageMemory.allocate(bytes)) {
                if (resident) {
                    memory.makeResident(() -> false);
                }
                assertThat(memory.bytes()).isEqualTo(bytes);
                assertThat(memory.address() % PageMemory.ALIGNMENT_BYTES).isZero();
                assertThat(onlyHolds(memory, 0)).isTrue();
                fill(memory, 1);
                assertThat(onlyHolds(memory, 1)).isTrue();
            }
        }
    }

    @Test
    void gettingPagesChangesNothingInThem() {
        try (PageMemory memory = PageMemory.allocate(5 * LARGE)) {
            fill(memory, 3);
            memory.makeResident(() -> false);
            memory.makeResident(() -> true);
            assertThat(onlyHolds(memory, 3)).isTrue();
        }
    }

    @Test
    void whatIsLargeBeginsAtALargePage() {
        assumeTrue(LinuxPages.AVAILABLE,
                "large pages are asked for on Linux only");
        try (PageMemory memory = PageMemory.allocate(LARGE)) {
            assertThat(memory.address() % (2 << 20)).isZero();
        }
    }

    @Test
    void smallPiecesNeverOverlapInWhateverOrderTheyEnd() {
        List<PageMemory> open = new ArrayList<>();
        for (int i = 1; i <= 400; i++) {
            PageMemory memory = PageMemory.allocate(i * 997L);
            assertThat(onlyHolds(memory, 0)).as("piece %d", i).isTrue();
            fill(memory, 0x55);
            open.add(memory);
            if (i % 3 == 0) {
                open.removeLast().close(); // its room is cut again
            }
            if (i % 7 == 0) {
                open.removeFirst().close();
            }
        }
        for (int i = 0; i < open.size(); i++) {
            fill(open.get(i), i);
        }
        for (int i = 0; i < open.size(); i++) {
            assertThat(onlyHolds(open.get(i), (byte) i)).as("piece %d", i).isTrue();
        }
        open.forEach(PageMemory::close);
    }

    @Test
    void closingTwiceTakesNothingFromOthers() {
        PageMemory first = PageMemory.allocate(1000);
        try (PageMemory second = PageMemory.allocate(1000)) {
            fill(second, 7);
            first.close();
            first.close();
            try (PageMemory third = PageMemory.allocate(1000)) {
                fill(third, 9);
                assertThat(onlyHolds(second, 7)).isTrue();
            }
        }
    }

    @Test
    void moreThanThereIsIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> PageMemory.allocate(-1));
        assertThatThrownBy(() -> PageMemory.allocate(1L << 60))
                .isInstanceOf(OutOfMemoryError.class);
    }

    private static void fill(PageMemory memory, int value) {
        RawMemory.ALL.asSlice(memory.address(), memory.bytes()).fill((byte) value);
    }

    private static boolean onlyHolds(PageMemory memory, int value) {
        byte[] bytes = RawMemory.ALL.asSlice(memory.address(), memory.bytes())
                .toArray(ValueLayout.JAVA_BYTE);
        for (byte b : bytes) {
            if (b != (byte) value) {
                return false;
            }
        }
        return true;
    }
}

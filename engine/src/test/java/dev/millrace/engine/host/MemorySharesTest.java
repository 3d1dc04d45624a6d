package dev.millrace.engine.host;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.host.MemoryShares.Need;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class MemorySharesTest {

    private static Need need(String name, long fixed, long least, long most) {
        return new Need(name, fixed, least, most, false);
    }

    private static Need pinned(String name, long fixed, long least, long most) {
        return new Need(name, fixed, least, most, true);
    }

    @Test
    void modelsThatFitBesideEachOtherShareWhatIsLeftForCaches() {
        assertThat(MemoryShares.of(1000, List.of(need("a", 100, 50, 500), need("b", 200, 50, 90))))
                .containsExactly(600, 290);
        assertThat(MemoryShares.of(1000, List.of(need("a", 200, 50, 900), need("b", 300, 50, 900))))
                .containsExactly(450, 550);
    }

    @Test
    void modelsThatDoNotFitTogetherGetWhatEachWouldGetAlone() {
        assertThat(MemoryShares.of(1000, List.of(need("a", 600, 50, 100), need("b", 500, 50, 900))))
                .containsExactly(700, 1000);
    }

    @Test
    void onesThatStayLeaveRoomForTheLargestOfTheOthers() {
        assertThat(MemoryShares.of(1000, List.of(pinned("a", 300, 50, 900),
                need("b", 400, 50, 900), need("c", 500, 50, 60)))).containsExactly(450, 550, 550);
    }

    @Test
    void saysWhatAModelNeedsAndWhatThereIs() {
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> MemoryShares.of(1_000_000, List.of(need("small", 1000, 10, 10),
                        need("big", 900_000, 200_000, 300_000))))
                .withMessage("big needs 1.10 MB (900 kB weights and buffers, 200 kB cache of one"
                        + " full context), but the memory limit is 1.00 MB; raise --memory, lower"
                        + " --context or take a model of fewer bits");
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> MemoryShares.of(1000, List.of(pinned("a", 500, 50, 60),
                        need("b", 500, 50, 60))))
                .withMessageContaining("b needs 550 B")
                .withMessageContaining("which stay loaded, take 550 B");
    }

    @Test
    void neverGrantsMoreThanThereIsNorLessThanIsNeeded() {
        SplittableRandom random = new SplittableRandom(7);
        for (int round = 0; round < 2000; round++) {
            List<Need> needs = IntStream.range(0, random.nextInt(1, 6)).mapToObj(i -> {
                long least = random.nextLong(100);
                return new Need("m" + i, random.nextLong(500), least,
                        least + random.nextLong(1000), random.nextInt(4) == 0);
            }).toList();
            long[] shares;
            try {
                shares = MemoryShares.of(1000, needs);
            } catch (BackendException tooLittle) {
                continue;
            }
            long stay = 0;
            long largest = 0;
            for (int i = 0; i < shares.length; i++) {
                Need need = needs.get(i);
                assertThat(shares[i]).isBetween(need.fixedBytes() + need.leastCacheBytes(),
                        need.fixedBytes() + need.mostCacheBytes());
                stay += need.pinned() ? shares[i] : 0;
                largest = Math.max(largest, need.pinned() ? 0 : shares[i]);
            }
            long together = needs.stream()
                    .mapToLong(need -> need.fixedBytes() + need.leastCacheBytes()).sum();
            assertThat(stay + largest).isLessThanOrEqualTo(1000);
            assertThat(together > 1000 || Arrays.stream(shares).sum() <= 1000).isTrue();
        }
    }
}

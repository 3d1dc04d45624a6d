package dev.millrace.engine.constrain;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** In the long run a token costs no memory. */
class MaskAllocationTest {

    private static final byte[] TEXT = "{\"a\":[1,2,\"x\"], \"b\":{\"c\":null}}"
            .getBytes(StandardCharsets.UTF_8);

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final TokenConstraint constraint = TokenConstraint
            .compile(GbnfParser.parse(TokenMaskTest.JSON), Texts.BYTES);
    private final ConstraintMatcher start = constraint.start();
    private final ConstraintMatcher matcher = constraint.start();
    private final long[] mask = new long[start.maskWords()];

    private void follow(int times) {
        for (int i = 0; i < times; i++) {
            matcher.moveTo(start);
            for (byte token : TEXT) {
                matcher.fillMask(mask);
                matcher.accept(token & 0xFF);
            }
        }
    }

    @Test
    void aKnownTextIsFollowedWithoutAllocating() {
        follow(100);
        long thread = Thread.currentThread().threadId();
        long before = threads.getThreadAllocatedBytes(thread);
        follow(1000);
        long allocated = threads.getThreadAllocatedBytes(thread) - before;

        assertThat(matcher.isComplete()).isTrue();
        // The measuring itself takes a little; a single object per token would be a megabyte.
        assertThat(allocated).isLessThan(10_000);
    }
}

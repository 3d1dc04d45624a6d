package dev.millrace.kernels.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import static dev.millrace.kernels.cpu.KvLayout.LANES;
import static org.assertj.core.api.Assertions.assertThat;

/** Every variant has the bits of the twin on the Vector API, whatever its width. */
@ParameterizedClass
@EnumSource
class NativeAttentionKernelsTest {

    private static final int MOST_STEPS = 80;
    private static final int ROWS = 8;
    private static final int STRIDE = 90;
    private static final int SUM_STRIDE = 2 * LANES;

    @Parameter
    NativeVariant variant;

    /** A product of all rows; b is a tile, a (ROWS, STRIDE), c (ROWS, SUM_STRIDE). */
    private interface Product {
        void run(AttentionKernels kernels, long b, int steps, float[] a, float[] c);
    }

    /** @param size of one element in bytes; 2 for halves, which are finite */
    private record Case(int size, Product product) {}

    static Stream<Named<Case>> products() {
        float[] scales = numbers(1, LANES);
        return Stream.of(
                Named.of("multiplyFloats", new Case(4, (k, b, n, a, c) -> k.multiplyFloats(b, n,
                        ROWS, a, 1, STRIDE, c, 2, SUM_STRIDE))),
                Named.of("multiplyHalves", new Case(2, (k, b, n, a, c) -> k.multiplyHalves(b, n,
                        ROWS, a, 1, STRIDE, c, 2, SUM_STRIDE))),
                Named.of("multiplyBytes", new Case(1, (k, b, n, a, c) -> k.multiplyBytes(b, n,
                        ROWS, a, 1, STRIDE, c, 2, SUM_STRIDE))),
                Named.of("scoreFloats", new Case(4, (k, b, n, a, c) -> k.scoreFloats(scales, b, n,
                        ROWS, a, 1, STRIDE, c, 2, SUM_STRIDE))),
                Named.of("scoreBytes", new Case(1, (k, b, n, a, c) -> k.scoreBytes(scales, b, n,
                        ROWS, a, 1, STRIDE, c, 2, SUM_STRIDE))));
    }

    @ParameterizedTest
    @MethodSource("products")
    void multipliesWithTheBitsOfItsTwin(Case product) {
        AttentionKernels kernels = kernels();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment tile = arena.allocate((long) MOST_STEPS * LANES * Float.BYTES, 64);
            fill(tile, product.size);
            for (int steps : new int[]{0, 1, 5, 32, MOST_STEPS}) {
                float[] a = numbers(2, ROWS * STRIDE);
                float[] expected = numbers(3, ROWS * SUM_STRIDE);
                float[] actual = expected.clone();
                product.product.run(twin(), tile.address(), steps, a, expected);
                product.product.run(kernels, tile.address(), steps, a, actual);
                assertThat(actual).containsExactly(expected);
            }
        }
    }

    /** All halves there are, NaN and infinities among them. */
    @Test
    void expandsEveryHalfAsItsTwin() {
        int halves = 1 << Short.SIZE;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = halves(arena, halves);
            MemorySegment expected = arena.allocate((long) halves * Float.BYTES, 64);
            MemorySegment actual = arena.allocate((long) halves * Float.BYTES, 64);
            twin().expandHalves(from.address(), halves / LANES, expected.address());
            kernels().expandHalves(from.address(), halves / LANES, actual.address());
            assertThat(actual.mismatch(expected)).isEqualTo(-1);
        }
    }

    /** Those without a sign. */
    @Test
    void readsEveryScaleAsItsTwin() {
        int halves = 1 << Short.SIZE - 1;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = halves(arena, halves);
            float[] expected = new float[halves];
            float[] actual = new float[halves];
            for (int first = 0; first < halves; first += LANES) {
                long address = from.address() + (long) first * Short.BYTES;
                twin().readScales(address, expected, first);
                kernels().readScales(address, actual, first);
            }
            assertThat(actual).containsExactly(expected);
        }
    }

    @Test
    void expandsBytesAsItsTwin() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment from = arena.allocate((long) ROWS * LANES, 64);
            fill(from, 1);
            MemorySegment expected = arena.allocate((long) ROWS * LANES * Float.BYTES, 64);
            MemorySegment actual = arena.allocate((long) ROWS * LANES * Float.BYTES, 64);
            twin().expandBytes(from.address(), ROWS, expected.address());
            kernels().expandBytes(from.address(), ROWS, actual.address());
            assertThat(actual.mismatch(expected)).isEqualTo(-1);
        }
    }

    private AttentionKernels kernels() {
        KernelChoice.requireVariant(variant);
        return new NativeAttentionKernels(variant);
    }

    /** The first halves in the order of their bits. */
    private static MemorySegment halves(Arena arena, int count) {
        MemorySegment halves = arena.allocate((long) count * Short.BYTES, 64);
        for (int i = 0; i < count; i++) {
            halves.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) i);
        }
        return halves;
    }

    private static AttentionKernels twin() {
        return VectorWidth.specialise(VectorAttentionKernels.class, AttentionKernels.class,
                VectorWidth.preferredBits());
    }

    /** Random elements of a size, none of them NaN or infinite. */
    private static void fill(MemorySegment memory, int size) {
        Random random = new Random(size);
        for (long i = 0; i < memory.byteSize() / size; i++) {
            switch (size) {
                case 1 -> memory.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
                case 2 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i,
                        Float.floatToFloat16((float) random.nextGaussian()));
                default -> memory.setAtIndex(ValueLayout.JAVA_FLOAT, i,
                        (float) random.nextGaussian());
            }
        }
    }

    private static float[] numbers(int seed, int count) {
        Random random = new Random(seed);
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }
}

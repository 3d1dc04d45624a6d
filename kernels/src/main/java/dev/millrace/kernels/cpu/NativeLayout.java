package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * How the native kernels lay out a quantised matrix, as {@code layout.h} describes it: tiles of 16
 * rows, of blocks of 256 columns, each a header of scales and then units of 32 columns, whose codes
 * are split into planes of bits.
 *
 * @param format  what was packed
 * @param columns inputs
 */
record NativeLayout(QuantFormat format, int columns) {

    static final int TILE_ROWS = 16;
    /** Work is split at pairs of tiles: many rows take two at once. */
    static final int ROW_TILE = 2 * TILE_ROWS;
    static final int UNIT_COLUMNS = 32;

    private static final int BLOCK_UNITS = 8;
    static final int BLOCK_COLUMNS = BLOCK_UNITS * UNIT_COLUMNS;
    private static final int VECTOR_BYTES = 64;
    private static final int FACTOR_BYTES = 2 * TILE_ROWS * Short.BYTES;
    private static final int GROUP_COLUMNS = 4;

    /** As {@code layout.h} numbers them. */
    private static final List<QuantFormat> FORMATS = List.of(QuantFormat.Q4_0, QuantFormat.Q8_0,
            QuantFormat.Q2_K, QuantFormat.Q4_K, QuantFormat.Q5_K, QuantFormat.Q6_K,
            QuantFormat.IQ2_XXS, QuantFormat.Q4_1, QuantFormat.Q5_0, QuantFormat.Q5_1,
            QuantFormat.Q3_K, QuantFormat.IQ4_NL, QuantFormat.IQ4_XS, QuantFormat.MXFP4);

    /** What the formats themselves say of groups and minimums. */
    private static final Map<QuantFormat, QuantBlock> BLOCKS = FORMATS.stream()
            .collect(Collectors.toUnmodifiableMap(Function.identity(), QuantBlock::of));

    /** What codes select from, where they are no numbers; the lattice's third bit is a sign. */
    private static final Map<QuantFormat, byte[]> TABLES = Map.of(
            QuantFormat.IQ2_XXS, new byte[]{8, 25, 43, 0, -8, -25, -43, 0},
            QuantFormat.IQ4_NL, BLOCKS.get(QuantFormat.IQ4_NL).codebook(),
            QuantFormat.IQ4_XS, BLOCKS.get(QuantFormat.IQ4_XS).codebook(),
            QuantFormat.MXFP4, BLOCKS.get(QuantFormat.MXFP4).codebook());

    /** Whether there are native kernels for a format. */
    static boolean holds(QuantFormat format) {
        return FORMATS.contains(format);
    }

    /** The format's number in the native interface. */
    int formatIndex() {
        return FORMATS.indexOf(format);
    }

    int units() {
        return columns / UNIT_COLUMNS;
    }

    long tileBytes() {
        int rest = units() % BLOCK_UNITS;
        return units() / BLOCK_UNITS * blockBytes()
                + (rest == 0 ? 0 : headerBytes() + rest * unitBytes());
    }

    /** What two tiles take when they are expanded for many rows. */
    long panelBytes() {
        long scaleBytes = (long) units() * unitGroups() * ROW_TILE * Float.BYTES;
        return (long) columns * ROW_TILE + scaleBytes * (hasMinimums() ? 2 : 1);
    }

    /** The most that {@link #panelBytes} of a matrix of so many columns can be. */
    static long mostPanelBytes(int columns) {
        return FORMATS.stream().mapToLong(format -> new NativeLayout(format, columns).panelBytes())
                .max().orElseThrow();
    }

    /** The kinds of codes and scales and what a weight takes, in words. */
    String description() {
        return String.format(Locale.ROOT, "%d-bit codes, %s scales: %.2f bits per weight",
                lowBits() + highBits(), hasHalfScales() ? "float16" : "coded",
                8.0 * blockBytes() / (BLOCK_COLUMNS * TILE_ROWS));
    }

    private long blockBytes() {
        return headerBytes() + BLOCK_UNITS * unitBytes();
    }

    private boolean hasHalfScales() {
        return format.blockElements() == UNIT_COLUMNS;
    }

    private boolean hasMinimums() {
        return BLOCKS.get(format).hasMinimums();
    }

    private int unitGroups() {
        return UNIT_COLUMNS / BLOCKS.get(format).groupElements();
    }

    private int lowBits() {
        return switch (format) {
            case Q8_0 -> 8;
            case Q2_K, Q3_K, IQ2_XXS -> 2;
            default -> 4;
        };
    }

    private int highBits() {
        return switch (format) {
            case Q6_K -> 2;
            case Q5_K, IQ2_XXS, Q5_0, Q5_1, Q3_K -> 1;
            default -> 0;
        };
    }

    /** What stands for zero among the unsigned codes. */
    private int zeroCode() {
        return switch (format) {
            case Q8_0 -> 128;
            case Q6_K -> 32;
            case Q5_0 -> 16;
            case Q4_0 -> 8;
            case Q3_K -> 4;
            default -> 0;
        };
    }

    private long headerBytes() {
        if (hasHalfScales()) {
            return (hasMinimums() ? 2L : 1L) * BLOCK_UNITS * TILE_ROWS * Short.BYTES;
        }
        int parts = hasMinimums() && format != QuantFormat.Q2_K ? 2 : 1;
        return FACTOR_BYTES + parts * minimumsOffset();
    }

    /** From a block's scale codes to its codes of minimums. */
    private long minimumsOffset() {
        return (long) BLOCK_UNITS * unitGroups() * TILE_ROWS;
    }

    private long unitBytes() {
        return (long) VECTOR_BYTES * (lowBits() + highBits());
    }

    /** Writes a row of the tile at an address as floats: the way back from the packed form. */
    void copyRow(long tile, int row, float[] out, int outOffset) {
        int groupColumns = UNIT_COLUMNS / unitGroups();
        for (int column = 0; column < columns; column += groupColumns) {
            long block = tile + column / BLOCK_COLUMNS * blockBytes();
            int unit = column % BLOCK_COLUMNS / UNIT_COLUMNS;
            int group = column % BLOCK_COLUMNS / groupColumns;
            copyGroup(block + headerBytes() + unit * unitBytes() + row * GROUP_COLUMNS,
                    column % UNIT_COLUMNS, groupColumns, scale(block, group, row),
                    minimum(block, group, row), out, outOffset + column);
        }
    }

    /** Writes what shares a scale; {@code codes} are the row's in its unit. */
    private void copyGroup(long codes, int first, int count, float scale, float minimum,
            float[] out, int outOffset) {
        int low = lowBits();
        int high = highBits();
        int zero = zeroCode();
        byte[] table = TABLES.get(format);
        for (int i = 0; i < count; i++) {
            int columnGroup = (first + i) / GROUP_COLUMNS;
            long at = codes + (first + i) % GROUP_COLUMNS;
            int code = bits(at, columnGroup, low);
            if (high > 0) {
                code |= bits(at + (long) VECTOR_BYTES * low, columnGroup, high) << low;
            }
            out[outOffset + i] = scale * (table == null ? code - zero : table[code]) - minimum;
        }
    }

    /** A plane of {@code width} bits has {@code width} vectors, with column groups in turn. */
    private static int bits(long plane, int columnGroup, int width) {
        int pair = byteAt(plane + (long) VECTOR_BYTES * (columnGroup % width));
        return pair >> columnGroup / width * width & (1 << width) - 1;
    }

    private float scale(long block, int group, int row) {
        if (hasHalfScales()) {
            long address = block + ((long) group * TILE_ROWS + row) * Short.BYTES;
            return format == QuantFormat.MXFP4 ? brainFloatAt(address) : halfAt(address);
        }
        int code = byteAt(block + FACTOR_BYTES + (long) group * TILE_ROWS + row);
        float factor = halfAt(block + (long) row * Short.BYTES);
        return switch (format) {
            case Q2_K -> factor * (code & 0xF);
            case IQ2_XXS -> factor * 0.125f * code;
            default -> factor * (byte) code;
        };
    }

    private float minimum(long block, int group, int row) {
        if (!hasMinimums()) {
            return 0;
        }
        if (hasHalfScales()) {
            return halfAt(block + ((long) (BLOCK_UNITS + group) * TILE_ROWS + row) * Short.BYTES);
        }
        long codes = block + FACTOR_BYTES + (long) group * TILE_ROWS + row;
        int code = format == QuantFormat.Q2_K
                ? byteAt(codes) >> 4
                : byteAt(codes + minimumsOffset());
        return halfAt(block + (long) (TILE_ROWS + row) * Short.BYTES) * code;
    }

    private static int byteAt(long address) {
        return RawMemory.ALL.get(ValueLayout.JAVA_BYTE, address) & 0xFF;
    }

    private static float brainFloatAt(long address) {
        return Float.intBitsToFloat(RawMemory.ALL.get(RawMemory.SHORT, address) << 16);
    }

    private static float halfAt(long address) {
        return Float.float16ToFloat(RawMemory.ALL.get(RawMemory.SHORT, address));
    }
}

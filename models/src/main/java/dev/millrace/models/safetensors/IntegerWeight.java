package dev.millrace.models.safetensors;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Integers in groups. Where every 32 consecutive columns share a scale that a float16 can hold, the
 * codes are kept as they are: around a zero point in the middle in blocks of Q4_0 or Q8_0, around
 * any other (of four bits) in those of Q5_0, whose codes from -16 to 15 hold every difference. The
 * format says besides whether 128 columns or whole rows share the scale. What does not fit that,
 * such as groups of scattered columns, is multiplied out: to float16, or where that cannot hold the
 * scales to float32. Scattered columns can be had in the order of their groups as well, for those
 * who can bring what they are multiplied with into that order.
 */
final class IntegerWeight extends StoredWeight {

    private static final int BLOCK = 32;
    private static final int WIDE_BLOCK = 128;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);

    private final String method;
    private final GroupedCodes codes;
    private final int[] groupIndex;
    private final long groupColumns;
    private final QuantFormat format;
    private final int[] order;
    private final IntegerWeight ordered;

    /**
     * A weight of integers.
     *
     * @param method       for people
     * @param groups       of each row
     * @param groupIndex   the group of each column; null where groups are consecutive
     * @param groupColumns in each group, where they are consecutive
     * @param scales       all there are
     */
    IntegerWeight(String method, TensorShape shape, int bits, GroupedCodes codes, long groups,
            int[] groupIndex, long groupColumns, FloatView scales) {
        super(shape);
        this.method = method;
        this.codes = codes;
        this.groupIndex = groupIndex;
        this.groupColumns = groupColumns;
        this.format = choose(bits, groups, scales);
        this.order = groupIndex == null ? null : order(groupIndex, groups, groupColumns);
        IntegerWeight sorted = order == null
                ? null
                : new IntegerWeight(method, shape, bits, new GroupedCodes.Reordered(codes, order),
                        groups, null, groupColumns, scales);
        this.ordered = sorted == null || sorted.format.blockElements() == 1 ? null : sorted;
    }

    /** Columns by group; null unless all groups are as large as they should be. */
    private static int[] order(int[] groupIndex, long groups, long groupColumns) {
        int[] next = new int[(int) groups];
        int[] order = new int[groupIndex.length];
        for (int column = 0; column < order.length; column++) {
            int group = groupIndex[column];
            if (next[group] == groupColumns) {
                return null;
            }
            order[(int) (group * groupColumns) + next[group]++] = column;
        }
        return groups * groupColumns == order.length ? order : null;
    }

    private QuantFormat choose(int bits, long groups, FloatView scales) {
        boolean halves = scales.fitsHalves();
        boolean blocks = groupIndex == null && shape().columns() % BLOCK == 0
                && (groupColumns % BLOCK == 0 || groups == 1);
        boolean middle = zerosAreMiddle(bits, groups);
        if (blocks && halves && (bits == 4 || middle)) {
            return bits == 8 ? bytes(groups) : nibbles(middle, groups);
        }
        return halves && scales.largest() * (1 << bits) <= 65504
                ? QuantFormat.F16
                : QuantFormat.F32;
    }

    private static QuantFormat bytes(long groups) {
        return groups == 1 ? QuantFormat.INT8_CHANNEL : QuantFormat.Q8_0;
    }

    private QuantFormat nibbles(boolean middle, long groups) {
        boolean wide = shape().columns() % WIDE_BLOCK == 0
                && (groupColumns % WIDE_BLOCK == 0 || groups == 1);
        return middle
                ? wide ? QuantFormat.INT4_G128 : QuantFormat.Q4_0
                : wide ? QuantFormat.INT4_ZERO_G128 : QuantFormat.INT4_ZERO;
    }

    private boolean zerosAreMiddle(int bits, long groups) {
        for (long row = 0; row < shape().rows(); row++) {
            for (long group = 0; group < groups; group++) {
                if (codes.zero(row, group) != 1 << bits - 1) {
                    return false;
                }
            }
        }
        return true;
    }

    @Override
    String stored() {
        return method + (groupIndex != null ? ", scattered groups" : "") + ", as " + format
                + (ordered != null ? " or " + ordered.format : "");
    }

    @Override
    StoredWeight ordered() {
        return ordered;
    }

    @Override
    int[] order() {
        return ordered == null ? null : order;
    }

    @Override
    QuantFormat format() {
        return format;
    }

    private long group(long column) {
        return groupIndex != null ? groupIndex[(int) column] : column / groupColumns;
    }

    @Override
    void write(long firstRow, int rows, MemorySegment out) {
        int[] tile = new int[TILE_ROWS * BLOCK];
        long columns = shape().columns();
        long rowBytes = format.rowBytes(columns);
        for (long column = 0; column < columns; column += BLOCK) {
            int width = (int) Math.min(BLOCK, columns - column);
            codes.read(firstRow, rows, column, width, tile);
            for (int r = 0; r < rows; r++) {
                long offset = (firstRow + r) * rowBytes;
                if (format.blockElements() == 1) {
                    multiplyOut(tile, r * width, firstRow + r, column, width, out, offset);
                } else {
                    writeBlock(tile, r * width, firstRow + r, column, out,
                            offset + column / BLOCK * format.plain().blockBytes());
                }
            }
        }
    }

    private void multiplyOut(int[] tile, int at, long row, long column, int width,
            MemorySegment out, long rowOffset) {
        for (int c = 0; c < width; c++) {
            long group = group(column + c);
            float value = codes.scale(row, group) * (tile[at + c] - codes.zero(row, group));
            if (format == QuantFormat.F16) {
                out.set(SHORT, rowOffset + (column + c) * Short.BYTES,
                        Float.floatToFloat16(value));
            } else {
                out.set(FLOAT, rowOffset + (column + c) * Float.BYTES, value);
            }
        }
    }

    private void writeBlock(int[] tile, int at, long row, long column, MemorySegment out,
            long offset) {
        long group = group(column);
        out.set(SHORT, offset, Float.floatToFloat16(codes.scale(row, group)));
        int zero = codes.zero(row, group);
        switch (format.plain()) {
            case Q8_0 -> {
                for (int i = 0; i < BLOCK; i++) {
                    putByte(out, offset + 2 + i, tile[at + i] - zero);
                }
            }
            case Q4_0 -> putNibbles(tile, at, 8 - zero, out, offset + 2);
            default -> {
                int fifthBits = 0;
                for (int i = 0; i < BLOCK; i++) {
                    fifthBits |= (tile[at + i] - zero + 16 >> 4 & 1) << i;
                }
                out.set(GroupedCodes.INT, offset + 2, fifthBits);
                putNibbles(tile, at, 16 - zero, out, offset + 6);
            }
        }
    }

    /** The low nibbles are the first sixteen elements, the high ones the rest. */
    private static void putNibbles(int[] tile, int at, int added, MemorySegment out,
            long offset) {
        for (int i = 0; i < BLOCK / 2; i++) {
            int low = tile[at + i] + added & 0xF;
            int high = tile[at + i + BLOCK / 2] + added & 0xF;
            putByte(out, offset + i, low | high << 4);
        }
    }

    private static void putByte(MemorySegment out, long offset, int value) {
        out.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
    }
}

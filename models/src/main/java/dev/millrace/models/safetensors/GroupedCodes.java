package dev.millrace.models.safetensors;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Integers of 4 or 8 bits, with a zero point and a scale for each row and group of columns: element
 * (row, column) stands for {@code scale * (code - zero)}. Codes and zeros are unsigned.
 */
interface GroupedCodes {

    ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Copies the codes of some rows and columns, row after row. */
    void read(long firstRow, int rows, long firstColumn, int columns, int[] out);

    int zero(long row, long group);

    float scale(long row, long group);

    /** One of several integers in a word, the first in its lowest bits. */
    static int part(int word, int index, int bits) {
        return word >>> index * bits & (1 << bits) - 1;
    }

    /**
     * GPTQ: words run down the columns, (columns / n, rows); zero points along the rows, (groups,
     * rows / n); scales (groups, rows).
     *
     * @param addedToZero 1 where zero points are stored less one, as the format's first version has
     *                    them
     */
    record Gptq(MemorySegment words, MemorySegment zeros, FloatView scales, long allRows, int bits,
            int addedToZero) implements GroupedCodes {

        @Override
        public void read(long firstRow, int rows, long firstColumn, int columns, int[] out) {
            int perWord = 32 / bits;
            for (int c = 0; c < columns; c++) {
                long column = firstColumn + c;
                long at = (column / perWord * allRows + firstRow) * Integer.BYTES;
                for (int r = 0; r < rows; r++) {
                    int word = words.get(INT, at + (long) r * Integer.BYTES);
                    out[r * columns + c] = part(word, (int) (column % perWord), bits);
                }
            }
        }

        @Override
        public int zero(long row, long group) {
            int perWord = 32 / bits;
            int word = zeros.get(INT, (group * (allRows / perWord) + row / perWord)
                    * Integer.BYTES);
            return part(word, (int) (row % perWord), bits) + addedToZero & (1 << bits) - 1;
        }

        @Override
        public float scale(long row, long group) {
            return scales.get(group * allRows + row);
        }
    }

    /** AWQ: words run along the rows, eight in an order of their own; (columns, rows / 8). */
    record Awq(MemorySegment words, MemorySegment zeros, FloatView scales, long allRows)
            implements
                GroupedCodes {

        /** Where in a word each of eight rows lies: even rows first, odd rows after them. */
        private static final int[] PLACE = {0, 4, 1, 5, 2, 6, 3, 7};

        @Override
        public void read(long firstRow, int rows, long firstColumn, int columns, int[] out) {
            for (int c = 0; c < columns; c++) {
                for (int r = 0; r < rows; r++) {
                    out[r * columns + c] = at(words, firstColumn + c, firstRow + r);
                }
            }
        }

        private int at(MemorySegment packed, long line, long row) {
            int word = packed.get(INT, (line * (allRows / 8) + row / 8) * Integer.BYTES);
            return part(word, PLACE[(int) (row % 8)], 4);
        }

        @Override
        public int zero(long row, long group) {
            return at(zeros, group, row);
        }

        @Override
        public float scale(long row, long group) {
            return scales.get(group * allRows + row);
        }
    }

    /**
     * compressed-tensors: words run along the columns, (rows, columns / n); scales (rows, groups);
     * zero points run down the rows, (rows / n, groups). All are stored with half of their range
     * added.
     *
     * @param zeros null where all are the middle
     */
    record RowPacked(MemorySegment words, MemorySegment zeros, FloatView scales, long wordsPerRow,
            long groups, int bits) implements GroupedCodes {

        @Override
        public void read(long firstRow, int rows, long firstColumn, int columns, int[] out) {
            int perWord = 32 / bits;
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < columns; c++) {
                    long column = firstColumn + c;
                    int word = words.get(INT, ((firstRow + r) * wordsPerRow + column / perWord)
                            * Integer.BYTES);
                    out[r * columns + c] = part(word, (int) (column % perWord), bits);
                }
            }
        }

        @Override
        public int zero(long row, long group) {
            if (zeros == null) {
                return 1 << bits - 1;
            }
            int perWord = 32 / bits;
            int word = zeros.get(INT, (row / perWord * groups + group) * Integer.BYTES);
            return part(word, (int) (row % perWord), bits);
        }

        @Override
        public float scale(long row, long group) {
            return scales.get(row * groups + group);
        }
    }

    /**
     * Signed bytes, (rows, columns), under scales of the tensor, of each row, or of groups within
     * rows.
     *
     * @param zeros  signed bytes as the scales; null where all are 0
     * @param groups of each row; 0 where one scale serves all rows
     */
    record Bytes(MemorySegment codes, MemorySegment zeros, FloatView scales, long allColumns,
            long groups) implements GroupedCodes {

        private static final int MIDDLE = 128;

        @Override
        public void read(long firstRow, int rows, long firstColumn, int columns, int[] out) {
            for (int r = 0; r < rows; r++) {
                long at = (firstRow + r) * allColumns + firstColumn;
                for (int c = 0; c < columns; c++) {
                    out[r * columns + c] = codes.get(ValueLayout.JAVA_BYTE, at + c) + MIDDLE;
                }
            }
        }

        @Override
        public int zero(long row, long group) {
            return zeros == null
                    ? MIDDLE
                    : zeros.get(ValueLayout.JAVA_BYTE, row * groups + group) + MIDDLE;
        }

        @Override
        public float scale(long row, long group) {
            return scales.get(row * groups + group);
        }
    }

    /** Others' codes with their columns in another order. */
    record Reordered(GroupedCodes codes, int[] order) implements GroupedCodes {

        @Override
        public void read(long firstRow, int rows, long firstColumn, int columns, int[] out) {
            int[] column = new int[rows];
            for (int c = 0; c < columns; c++) {
                codes.read(firstRow, rows, order[(int) firstColumn + c], 1, column);
                for (int r = 0; r < rows; r++) {
                    out[r * columns + c] = column[r];
                }
            }
        }

        @Override
        public int zero(long row, long group) {
            return codes.zero(row, group);
        }

        @Override
        public float scale(long row, long group) {
            return codes.scale(row, group);
        }
    }
}

package dev.millrace.kernels.cuda;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Lays one tile of a matrix out as the device wants it. Holds buffers: one instance per thread. */
final class TilePacker {

    /** The exponent that a row's largest weight gets as a half; 15 is the largest there is. */
    private static final int LARGEST_EXPONENT = 14;

    private final QuantTensor tensor;
    private final MatrixLayout layout;
    private final QuantBlock block;
    private final Dequantizer dequantizer;
    private final float[] row;
    private final byte[] codes;
    private final byte[] extra;
    private final ByteBuffer codesOut;
    private final ByteBuffer extraOut;
    private final ByteBuffer scales;
    private final ByteBuffer factors;

    TilePacker(QuantTensor tensor, MatrixLayout layout) {
        this.tensor = tensor;
        this.layout = layout;
        boolean floats = layout.format().isFloat();
        block = floats ? null : QuantBlock.of(tensor.format());
        dequantizer = floats ? new Dequantizer(tensor.format()) : null;
        row = new float[floats ? layout.columns() : 0];
        codes = new byte[layout.codesBytes()];
        extra = new byte[layout.extraBytes()];
        codesOut = ByteBuffer.wrap(codes).order(ByteOrder.LITTLE_ENDIAN);
        extraOut = ByteBuffer.wrap(extra).order(ByteOrder.LITTLE_ENDIAN);
        scales = buffer(layout.scalesBytes());
        factors = buffer(layout.factorsBytes());
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    byte[] codes() {
        return codes;
    }

    byte[] extra() {
        return extra;
    }

    byte[] scales() {
        return scales.array();
    }

    byte[] factors() {
        return factors.array();
    }

    /** Fills the four planes of a tile; rows beyond the matrix stay zero. */
    void pack(int tile) {
        Arrays.fill(codes, (byte) 0);
        Arrays.fill(extra, (byte) 0);
        Arrays.fill(scales(), (byte) 0);
        Arrays.fill(factors(), (byte) 0);
        int first = tile * MatrixLayout.TILE_ROWS;
        int rows = Math.min(MatrixLayout.TILE_ROWS, layout.rows() - first);
        for (int r = 0; r < rows; r++) {
            if (layout.format().isFloat()) {
                packFloats(first + r, r);
            } else {
                packBlocks(first + r, r);
            }
        }
    }

    private void packFloats(int source, int r) {
        dequantizer.dequantize(tensor.data(), source * tensor.rowBytes(), row.length, row, 0);
        float largest = 0;
        for (float weight : row) {
            largest = Math.abs(weight) > largest ? Math.abs(weight) : largest; // NaN is not larger
        }
        int power = largest > 0 && largest <= Float.MAX_VALUE
                ? LARGEST_EXPONENT - Math.getExponent(largest)
                : 0;
        float factor = Math.scalb(1f, Math.clamp(power, -120, 120));
        factors.putFloat(r * Float.BYTES, 1 / factor);
        for (int column = 0; column < row.length; column++) {
            float scaled = row[column] * factor;
            short half = Float.floatToFloat16(scaled);
            int at = MatrixLayout.half(r, column);
            codesOut.putShort(at, half);
            if (layout.format() == DeviceFormat.F16X2) {
                extraOut.putShort(at, Float.floatToFloat16(scaled - Float.float16ToFloat(half)));
            }
        }
    }

    private void packBlocks(int source, int r) {
        QuantFormat plain = block.format();
        int elements = plain.blockElements();
        long offset = source * tensor.rowBytes();
        int zero = 0;
        for (int column = 0; column < layout.columns(); column += elements) {
            if (layout.format().hasZeros() && column % tensor.format().blockElements() == 0) {
                zero = zeroPoint(offset);
            }
            block.read(tensor.data(), offset);
            offset += plain.blockBytes();
            packCodes(r, column, elements, zero);
            packScales(r, column, elements, zero);
        }
    }

    /** What makes all codes of a block of the tensor's format numbers from 0 to 15. */
    private int zeroPoint(long offset) {
        int least = 0;
        int most = Byte.MIN_VALUE;
        for (long at = offset; at < offset + tensor.format().blockBytes(); at += block.format()
                .blockBytes()) {
            block.read(tensor.data(), at);
            for (int i = 0; i < block.format().blockElements(); i++) {
                least = Math.min(least, block.code(i));
                most = Math.max(most, block.code(i));
            }
        }
        require(least >= -15 && most - least <= 15, "codes from " + least + " to " + most);
        return -least;
    }

    private void require(boolean kept, String what) {
        if (!kept) {
            throw new IllegalArgumentException("a " + tensor.shape() + " tensor has " + what
                    + " in a block, which is not " + tensor.format());
        }
    }

    private void putHalf(int at) {
        scales.putShort(at, Float.floatToFloat16(block.groupScale(0)));
    }

    /** A scale that blocks share, which comes with each of them. */
    private void putShared(int at, boolean first) {
        require(first || scales.getShort(at) == Float.floatToFloat16(block.groupScale(0)),
                "different scales");
        putHalf(at);
    }

    private void packCodes(int r, int first, int elements, int zero) {
        for (int i = 0; i < elements; i++) {
            int column = first + i;
            int code = block.code(i);
            switch (layout.format()) {
                case Q4, I4 -> putNibble(MatrixLayout.nibble(r, column), code + 8);
                case Q4Z, I4Z -> putNibble(MatrixLayout.nibble(r, column), code + zero);
                case Q4K -> putNibble(MatrixLayout.alternateNibble(r, column), code);
                case Q6K -> putSixBits(r, column, code + 32);
                default -> codes[MatrixLayout.byteCode(r, column)] = (byte) (code + 128);
            }
        }
    }

    /** Two codes of six bits in each half of a word; the third and sixth are shared out. */
    private void putSixBits(int r, int column, int value) {
        int first = MatrixLayout.sixBits(r, column);
        int third = MatrixLayout.sixBitsExtra(r, column);
        int pair = MatrixLayout.pairOf64(column);
        int half = column % 2 * 16;
        switch (pair) {
            case 2, 5 -> {
                set(codesOut, first + pair / 3 * 4, (value & 15) << 12 + half);
                set(extraOut, third, value >> 4 << (pair == 2 ? 12 : 14) + half);
            }
            case 6, 7 -> set(extraOut, third, value << pair % 3 * 6 + half);
            default -> set(codesOut, first + pair / 3 * 4, value << pair % 3 * 6 + half);
        }
    }

    private static void set(ByteBuffer plane, int at, int bits) {
        plane.putInt(at, plane.getInt(at) | bits);
    }

    private void putNibble(int at, int value) {
        codes[at / 2] |= (byte) (value << at % 2 * 4);
    }

    private void packScales(int r, int first, int elements, int zero) {
        int place = MatrixLayout.place(r, first);
        int group = first % MatrixLayout.BLOCK_COLUMNS / 32;
        switch (layout.format()) {
            case I8 -> {
                require(first == 0 || factors.getFloat(r * Float.BYTES) == block.groupScale(0),
                        "different scales");
                factors.putFloat(r * Float.BYTES, block.groupScale(0));
            }
            case Q8, Q4 -> putHalf(place * 8 + group * 2);
            case Q4Z -> {
                putHalf(place * 8 + group * 2);
                extra[place * 2 + group / 2] |= (byte) (zero << group % 2 * 4);
            }
            case I4 -> putShared(place * 2, group == 0);
            case I4Z -> {
                putShared(place * 2, group == 0);
                extra[place] = (byte) zero;
            }
            case Q4K -> packSixBits(MatrixLayout.widePlace(r, first) * 16);
            case Q6K -> {
                factors.putShort(MatrixLayout.widePlace(r, first) * 2,
                        Float.floatToFloat16(block.scale()));
                for (int sixteenth = 0; sixteenth < 16; sixteenth++) {
                    int column = first + sixteenth * 16;
                    scales.put(MatrixLayout.place(r, column) * 8 + sixteenth % 8,
                            (byte) (block.scaleCode(sixteenth) + 128));
                }
            }
            default -> {
                for (int column = first; column < first + elements; column += 16) {
                    int own = (column - first) / block.groupElements();
                    int at = (MatrixLayout.place(r, column) * 8 + column % 128 / 16) * Float.BYTES;
                    scales.putFloat(at, block.groupScale(own));
                    if (layout.minimums()) {
                        extraOut.putFloat(at, block.groupMinimum(own));
                    }
                }
            }
        }
    }

    /** Two halves, then eight scales and eight minimums of six bits as ggml packs them. */
    private void packSixBits(int at) {
        scales.putShort(at, Float.floatToFloat16(block.scale()));
        scales.putShort(at + 2, Float.floatToFloat16(block.minScale()));
        for (int group = 0; group < 4; group++) {
            int scale = block.scaleCode(group + 4);
            int minimum = block.minCode(group + 4);
            scales.put(at + 4 + group, (byte) (block.scaleCode(group) | scale >> 4 << 6));
            scales.put(at + 8 + group, (byte) (block.minCode(group) | minimum >> 4 << 6));
            scales.put(at + 12 + group, (byte) (scale & 15 | (minimum & 15) << 4));
        }
    }
}

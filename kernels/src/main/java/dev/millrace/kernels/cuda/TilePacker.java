package dev.millrace.kernels.cuda;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantBlock;
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
        int elements = tensor.format().blockElements();
        long offset = source * tensor.rowBytes();
        for (int column = 0; column < layout.columns(); column += elements) {
            block.read(tensor.data(), offset);
            offset += tensor.format().blockBytes();
            packCodes(r, column, elements);
            packScales(r, column, elements);
        }
    }

    private void packCodes(int r, int first, int elements) {
        for (int i = 0; i < elements; i++) {
            int column = first + i;
            int code = block.code(i);
            switch (layout.format()) {
                case Q4 -> putNibble(r, column, code + 8);
                case Q4K -> putNibble(r, column, code);
                case Q6K -> {
                    putNibble(r, column, code + 32 & 15);
                    int at = MatrixLayout.bitPair(r, column);
                    extra[at / 4] |= (byte) (code + 32 >> 4 << at % 4 * 2);
                }
                default -> codes[MatrixLayout.byteCode(r, column)] = (byte) (code + 128);
            }
        }
    }

    private void putNibble(int r, int column, int value) {
        int at = MatrixLayout.nibble(r, column);
        codes[at / 2] |= (byte) (value << at % 2 * 4);
    }

    private void packScales(int r, int first, int elements) {
        switch (layout.format()) {
            case Q8, Q4 -> {
                int at = MatrixLayout.place(r, first) * 8 + first % 128 / 32 * 2;
                scales.putShort(at, Float.floatToFloat16(block.groupScale(0)));
            }
            case Q4K -> packSixBits(MatrixLayout.widePlace(r, first) * 16);
            case Q6K -> {
                factors.putShort(MatrixLayout.widePlace(r, first) * 2,
                        Float.floatToFloat16(block.scale()));
                for (int group = 0; group < 16; group++) {
                    int column = first + group * 16;
                    scales.put(MatrixLayout.place(r, column) * 8 + group % 8,
                            block.scaleCode(group));
                }
            }
            default -> {
                for (int column = first; column < first + elements; column += 16) {
                    int group = (column - first) / block.groupElements();
                    int at = (MatrixLayout.place(r, column) * 8 + column % 128 / 16) * Float.BYTES;
                    scales.putFloat(at, block.groupScale(group));
                    if (layout.minimums()) {
                        extraOut.putFloat(at, block.groupMinimum(group));
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

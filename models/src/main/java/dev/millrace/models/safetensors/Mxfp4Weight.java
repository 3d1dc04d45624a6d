package dev.millrace.models.safetensors;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Four-bit floats of gpt-oss: codes (experts, rows, blocks, 16), two to a byte, and a power of two
 * (experts, rows, blocks) for every 32 of them. The kernels' format has the same numbers in another
 * order: scale and codes together, the first 16 codes in the low halves of the bytes.
 */
final class Mxfp4Weight extends StoredWeight {

    private static final int BLOCK_COLUMNS = 32;
    private static final int CODE_BYTES = 16;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private final MemorySegment codes;
    private final MemorySegment scales;
    private final long blocks;

    /** @param shape (experts, rows, columns), the columns a multiple of 32 */
    Mxfp4Weight(TensorShape shape, MemorySegment codes, MemorySegment scales) {
        super(shape);
        this.codes = codes;
        this.scales = scales;
        this.blocks = shape.columns() / BLOCK_COLUMNS;
    }

    @Override
    String stored() {
        return "MXFP4";
    }

    @Override
    QuantFormat format() {
        return QuantFormat.MXFP4;
    }

    @Override
    void write(long firstRow, int rows, MemorySegment out) {
        for (long block = firstRow * blocks; block < (firstRow + rows) * blocks; block++) {
            long to = block * (1 + CODE_BYTES);
            long from = block * CODE_BYTES;
            out.set(BYTE, to, scales.get(BYTE, block));
            for (int i = 0; i < CODE_BYTES; i++) {
                int low = code(from, i);
                int high = code(from, i + CODE_BYTES);
                out.set(BYTE, to + 1 + i, (byte) (low | high << 4));
            }
        }
    }

    private int code(long from, int column) {
        int pair = codes.get(BYTE, from + column / 2);
        return column % 2 == 0 ? pair & 15 : pair >> 4 & 15;
    }
}

package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;

/** Copies a file's tensor into the tiles of a {@link PackedMatrix}, all workers together. */
final class MatrixPacker {

    private final QuantTensor tensor;
    private final PackedMatrix matrix;
    private final PackedLayout layout;

    private MatrixPacker(QuantTensor tensor, PackedMatrix matrix) {
        this.tensor = tensor;
        this.matrix = matrix;
        this.layout = matrix.layout();
    }

    static PackedMatrix pack(QuantTensor tensor, int lanes, WorkerPool pool) {
        PackedLayout layout = PackedLayout.of(tensor.format(), lanes,
                (int) tensor.shape().columns());
        PackedMatrix matrix = new PackedMatrix(layout, (int) tensor.shape().rows());
        MatrixPacker packer = new MatrixPacker(tensor, matrix);
        AtomicInteger nextTile = new AtomicInteger();
        try {
            pool.run((worker, workers) -> packer.packTiles(nextTile));
        } catch (Throwable thrown) {
            matrix.close();
            throw thrown;
        }
        return matrix;
    }

    private void packTiles(AtomicInteger nextTile) {
        QuantBlock block = layout.scales() == PackedLayout.Scales.NONE
                ? null
                : QuantBlock.of(layout.format());
        for (int t = nextTile.getAndIncrement(); t < matrix.tiles(); t = nextTile
                .getAndIncrement()) {
            int firstRow = t * layout.lanes();
            int rows = Math.min(layout.lanes(), matrix.rows() - firstRow);
            for (int lane = 0; lane < rows; lane++) {
                long source = (firstRow + lane) * tensor.rowBytes();
                if (block == null) {
                    packFloats(source, matrix.tile(t), lane);
                } else {
                    packBlocks(block, source, matrix.tile(t), lane);
                }
            }
        }
    }

    private void packFloats(long source, long tile, int lane) {
        MemorySegment data = tensor.data();
        long codes = tile + layout.codesOffset();
        for (int column = 0; column < layout.columns(); column++) {
            long target = (long) column * layout.lanes() + lane;
            if (layout.codes() == PackedLayout.Codes.F32) {
                RawMemory.ALL.set(RawMemory.FLOAT, codes + target * Float.BYTES,
                        data.get(RawMemory.FLOAT, source + (long) column * Float.BYTES));
            } else {
                RawMemory.ALL.set(RawMemory.SHORT, codes + target * Short.BYTES,
                        data.get(RawMemory.SHORT, source + (long) column * Short.BYTES));
            }
        }
    }

    private void packBlocks(QuantBlock block, long source, long tile, int lane) {
        int elements = layout.format().blockElements();
        for (int b = 0; b < layout.columns() / elements; b++) {
            block.read(tensor.data(), source + (long) b * layout.format().blockBytes());
            packScales(block, b, tile, lane);
            long first = (long) b * elements * layout.lanes() + lane;
            if (layout.codes() == PackedLayout.Codes.BYTES) {
                packBytes(block, tile + layout.codesOffset(), first);
            } else {
                packNibbles(block, tile + layout.codesOffset(), first);
            }
        }
    }

    private void packScales(QuantBlock block, int index, long tile, int lane) {
        int lanes = layout.lanes();
        long factor = (long) index * lanes + lane;
        if (layout.scales() == PackedLayout.Scales.HALVES) {
            // Exact: the scale was read from a half.
            RawMemory.ALL.set(RawMemory.SHORT, tile + factor * Short.BYTES,
                    Float.floatToFloat16(block.scale()));
            return;
        }
        RawMemory.ALL.set(RawMemory.FLOAT, tile + factor * Float.BYTES, block.scale());
        if (layout.minimums()) {
            RawMemory.ALL.set(RawMemory.FLOAT,
                    tile + layout.minFactorsOffset() + factor * Float.BYTES, block.minScale());
        }
        for (int g = 0; g < block.groups(); g++) {
            long group = ((long) index * block.groups() + g) * lanes + lane;
            RawMemory.ALL.set(ValueLayout.JAVA_BYTE, tile + layout.scaleCodesOffset() + group,
                    block.scaleCode(g));
            if (layout.minimums()) {
                RawMemory.ALL.set(ValueLayout.JAVA_BYTE, tile + layout.minCodesOffset() + group,
                        block.minCode(g));
            }
        }
    }

    private void packBytes(QuantBlock block, long codes, long first) {
        for (int i = 0; i < layout.format().blockElements(); i++) {
            RawMemory.ALL.set(ValueLayout.JAVA_BYTE, codes + first + (long) i * layout.lanes(),
                    block.code(i));
        }
    }

    private void packNibbles(QuantBlock block, long codes, long first) {
        NibbleTable table = matrix.nibbleTable();
        for (int i = 0; i < layout.format().blockElements(); i++) {
            long index = first + (long) i * layout.lanes();
            long address = codes + layout.nibbleOffset(index);
            int nibble = table.nibble(block.code(i)) << layout.nibbleShift(index);
            int pair = RawMemory.ALL.get(ValueLayout.JAVA_BYTE, address) | nibble;
            RawMemory.ALL.set(ValueLayout.JAVA_BYTE, address, (byte) pair);
        }
    }
}

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
        for (int column = 0; column < layout.columns(); column++) {
            long target = (long) column * layout.lanes() + lane;
            if (layout.codes() == PackedLayout.Codes.F32) {
                RawMemory.ALL.set(RawMemory.FLOAT, tile + target * Float.BYTES,
                        data.get(RawMemory.FLOAT, source + (long) column * Float.BYTES));
            } else {
                short half = data.get(RawMemory.SHORT, source + (long) column * Short.BYTES);
                if (layout.codes() == PackedLayout.Codes.F16) {
                    matrix.noteHalf(half);
                }
                RawMemory.ALL.set(RawMemory.SHORT, tile + target * Short.BYTES, half);
            }
        }
    }

    private void packBlocks(QuantBlock block, long source, long tile, int lane) {
        for (int column = 0; column < layout.columns(); column += layout.blockColumns()) {
            block.read(tensor.data(), source);
            source += layout.format().blockBytes();
            long address = tile + layout.blockOffset(column);
            if (layout.scales() == PackedLayout.Scales.CODED) {
                packFactors(block, address, lane);
            }
            address += layout.factorBytes();
            for (int unit = 0; unit < layout.blockUnits(); unit++) {
                packScales(block, unit, address, lane);
                packCodes(block, unit, address + layout.codesOffset(), lane);
                address += layout.unitBytes();
            }
        }
    }

    private void packFactors(QuantBlock block, long address, int lane) {
        RawMemory.ALL.set(RawMemory.FLOAT, address + lane * Float.BYTES, block.scale());
        if (layout.minimums()) {
            RawMemory.ALL.set(RawMemory.FLOAT, address + (layout.lanes() + lane) * Float.BYTES,
                    block.minScale());
        }
    }

    private void packScales(QuantBlock block, int unit, long address, int lane) {
        for (int g = 0; g < layout.unitGroups(); g++) {
            int group = unit * layout.unitGroups() + g;
            int index = g * layout.lanes() + lane;
            if (layout.scales() == PackedLayout.Scales.CODED) {
                RawMemory.ALL.set(ValueLayout.JAVA_BYTE, address + index, block.scaleCode(group));
                if (layout.minimums()) {
                    RawMemory.ALL.set(ValueLayout.JAVA_BYTE,
                            address + layout.minimumsOffset() + index, block.minCode(group));
                }
            } else {
                packShortFloat(block.groupScale(group), address + index * Short.BYTES);
                if (layout.minimums()) {
                    packShortFloat(block.groupMinimum(group),
                            address + layout.minimumsOffset() + index * Short.BYTES);
                }
            }
        }
    }

    /** Exact: the format's scales are floats of this kind, or shorter ones. */
    private void packShortFloat(float value, long address) {
        short bits;
        if (layout.scales() == PackedLayout.Scales.HALVES) {
            bits = Float.floatToFloat16(value);
            matrix.noteHalf(bits);
        } else {
            bits = (short) (Float.floatToRawIntBits(value) >>> 16);
        }
        RawMemory.ALL.set(RawMemory.SHORT, address, bits);
    }

    private void packCodes(QuantBlock block, int unit, long codes, int lane) {
        int first = unit * PackedLayout.UNIT_COLUMNS;
        if (layout.codes() == PackedLayout.Codes.BYTES) {
            for (int i = 0; i < PackedLayout.UNIT_COLUMNS; i++) {
                RawMemory.ALL.set(ValueLayout.JAVA_BYTE, codes + i * layout.lanes() + lane,
                        block.code(first + i));
            }
        } else if (layout.lanes() == NibbleTable.ENTRIES) {
            packWords(block, first, codes + lane * Integer.BYTES);
        } else {
            packPairs(block, first, codes, lane);
        }
    }

    /** Eight columns at a time. */
    private void packWords(QuantBlock block, int first, long address) {
        NibbleTable table = matrix.nibbleTable();
        for (int i = 0; i < PackedLayout.UNIT_COLUMNS; i += 8) {
            int word = 0;
            for (int j = 0; j < 8; j++) {
                word |= table.nibble(block.code(first + i + j)) << 4 * j;
            }
            RawMemory.ALL.set(ValueLayout.JAVA_INT_UNALIGNED, address, word);
            address += layout.lanes() * Integer.BYTES;
        }
    }

    private void packPairs(QuantBlock block, int first, long codes, int lane) {
        for (int i = 0; i < PackedLayout.UNIT_COLUMNS; i++) {
            int index = i * layout.lanes() + lane;
            long address = codes + layout.nibbleOffset(index);
            int nibble = matrix.nibbleTable().nibble(block.code(first + i));
            int pair = RawMemory.ALL.get(ValueLayout.JAVA_BYTE, address)
                    | nibble << layout.nibbleShift(index);
            RawMemory.ALL.set(ValueLayout.JAVA_BYTE, address, (byte) pair);
        }
    }
}

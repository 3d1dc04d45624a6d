package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A matrix in tiles of rows, as {@link PackedLayout} describes; the last tile is padded. */
final class PackedMatrix implements CpuMatrix {

    private final Arena arena = Arena.ofShared();
    private final PackedLayout layout;
    private final int rows;
    private final NibbleTable nibbleTable;
    private final MemorySegment memory;

    PackedMatrix(PackedLayout layout, int rows) {
        this.layout = layout;
        this.rows = rows;
        this.nibbleTable = layout.codes() == PackedLayout.Codes.NIBBLES
                ? new NibbleTable(layout.format(), arena)
                : null;
        this.memory = arena.allocate(Math.multiplyExact(layout.tileBytes(), (long) tiles()),
                PackedLayout.ALIGNMENT_BYTES);
    }

    PackedLayout layout() {
        return layout;
    }

    /** What the nibbles stand for; null for other codes. */
    NibbleTable nibbleTable() {
        return nibbleTable;
    }

    int tiles() {
        return Math.ceilDiv(rows, layout.lanes());
    }

    /** Address of a tile. */
    long tile(int tile) {
        return memory.address() + tile * layout.tileBytes();
    }

    @Override
    public QuantFormat format() {
        return layout.format();
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return layout.columns();
    }

    @Override
    public int rowTile() {
        return layout.lanes();
    }

    @Override
    public long bytes() {
        return memory.byteSize();
    }

    @Override
    public void close() {
        arena.close();
    }

    /** Writes one row as floats: the way back from the packed form. */
    void copyRow(int row, float[] out, int outOffset) {
        long tile = tile(row / layout.lanes());
        int lane = row % layout.lanes();
        for (int column = 0; column < layout.columns(); column++) {
            float code = code(tile + layout.codesOffset(), (long) column * layout.lanes() + lane);
            out[outOffset + column] = layout.scales() == PackedLayout.Scales.NONE
                    ? code
                    : scaled(tile, column, lane, code);
        }
    }

    private float code(long codes, long index) {
        MemorySegment all = RawMemory.ALL;
        return switch (layout.codes()) {
            case F32 -> all.get(RawMemory.FLOAT, codes + index * Float.BYTES);
            case F16 -> Float.float16ToFloat(all.get(RawMemory.SHORT, codes + index * 2));
            case BF16 -> Float.intBitsToFloat(all.get(RawMemory.SHORT, codes + index * 2) << 16);
            case BYTES -> all.get(ValueLayout.JAVA_BYTE, codes + index);
            case NIBBLES -> {
                int pair = all.get(ValueLayout.JAVA_BYTE, codes + layout.nibbleOffset(index));
                yield nibbleTable.code(pair >> layout.nibbleShift(index) & 0xF);
            }
        };
    }

    private float scaled(long tile, int column, int lane, float code) {
        MemorySegment all = RawMemory.ALL;
        int lanes = layout.lanes();
        long group = (long) column / layout.groupElements() * lanes + lane;
        if (layout.scales() == PackedLayout.Scales.HALVES) {
            return Float.float16ToFloat(all.get(RawMemory.SHORT, tile + group * 2)) * code;
        }
        long factor = tile + ((long) column / layout.format().blockElements() * lanes + lane)
                * Float.BYTES;
        float scale = all.get(RawMemory.FLOAT, factor)
                * all.get(ValueLayout.JAVA_BYTE, tile + layout.scaleCodesOffset() + group);
        if (!layout.minimums()) {
            return scale * code;
        }
        float minimum = all.get(RawMemory.FLOAT, factor + layout.minFactorsOffset())
                * all.get(ValueLayout.JAVA_BYTE, tile + layout.minCodesOffset() + group);
        return scale * code - minimum;
    }
}

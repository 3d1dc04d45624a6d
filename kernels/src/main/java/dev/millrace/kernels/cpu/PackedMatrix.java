package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import static dev.millrace.kernels.cpu.PackedLayout.UNIT_COLUMNS;

/** A matrix in tiles of rows, as {@link PackedLayout} describes; the last tile is padded. */
final class PackedMatrix implements CpuMatrix {

    private final PackedLayout layout;
    private final int rows;
    private final NibbleTable nibbleTable;
    private final PageMemory memory;
    /** Set by whichever packing thread meets one; the others never write it. */
    private volatile boolean specialHalves;

    PackedMatrix(PackedLayout layout, int rows) {
        this.layout = layout;
        this.rows = rows;
        this.nibbleTable = layout.codes() == PackedLayout.Codes.NIBBLES
                ? new NibbleTable(QuantBlock.of(layout.format()).codebook())
                : null;
        this.memory = PageMemory.allocate(
                Math.multiplyExact(layout.tileBytes(), (long) tiles()));
    }

    PackedLayout layout() {
        return layout;
    }

    /** What the nibbles stand for; null for other codes. */
    NibbleTable nibbleTable() {
        return nibbleTable;
    }

    /** Whether some half is infinite or NaN, which kernels that read codes directly ignore. */
    boolean hasSpecialHalves() {
        return specialHalves;
    }

    void noteHalf(short half) {
        if (!Halves.isFinite(half)) {
            specialHalves = true;
        }
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
        return memory.bytes();
    }

    @Override
    public void close() {
        memory.close();
    }

    /** Writes one row as floats: the way back from the packed form. */
    void copyRow(int row, float[] out, int outOffset) {
        long tile = tile(row / layout.lanes());
        int lane = row % layout.lanes();
        if (layout.scales() == PackedLayout.Scales.NONE) {
            for (int column = 0; column < layout.columns(); column++) {
                out[outOffset + column] = code(tile, column * layout.lanes() + lane);
            }
            return;
        }
        for (int column = 0; column < layout.columns(); column += UNIT_COLUMNS) {
            long block = tile + layout.blockOffset(column);
            long unit = block + layout.factorBytes() + (long) column % layout.blockColumns()
                    / UNIT_COLUMNS * layout.unitBytes();
            for (int i = 0; i < UNIT_COLUMNS; i++) {
                int group = i / layout.groupColumns();
                float code = code(unit + layout.codesOffset(), i * layout.lanes() + lane);
                out[outOffset + column + i] = scale(block, unit, group, lane) * code
                        - minimum(block, unit, group, lane);
            }
        }
    }

    private float code(long codes, int index) {
        MemorySegment all = RawMemory.ALL;
        return switch (layout.codes()) {
            case F32 -> all.get(RawMemory.FLOAT, codes + index * 4L);
            case F16 -> Float.float16ToFloat(all.get(RawMemory.SHORT, codes + index * 2L));
            case BF16 -> Float.intBitsToFloat(all.get(RawMemory.SHORT, codes + index * 2L) << 16);
            case BYTES -> all.get(ValueLayout.JAVA_BYTE, codes + index);
            case NIBBLES -> {
                int pair = all.get(ValueLayout.JAVA_BYTE, codes + layout.nibbleOffset(index));
                yield nibbleTable.code(pair >> layout.nibbleShift(index) & 0xF);
            }
        };
    }

    private float scale(long block, long unit, int group, int lane) {
        long index = (long) group * layout.lanes() + lane;
        return layout.scales() == PackedLayout.Scales.CODED
                ? coded(block + lane * 4L, unit + index)
                : shortFloat(unit + index * 2L);
    }

    private float minimum(long block, long unit, int group, int lane) {
        if (!layout.minimums()) {
            return 0;
        }
        long index = (long) group * layout.lanes() + lane;
        long minimums = unit + layout.minimumsOffset();
        return layout.scales() == PackedLayout.Scales.CODED
                ? coded(block + (layout.lanes() + lane) * 4L, minimums + index)
                : shortFloat(minimums + index * 2L);
    }

    private static float coded(long factor, long code) {
        return RawMemory.ALL.get(RawMemory.FLOAT, factor)
                * RawMemory.ALL.get(ValueLayout.JAVA_BYTE, code);
    }

    private float shortFloat(long address) {
        short bits = RawMemory.ALL.get(RawMemory.SHORT, address);
        return layout.scales() == PackedLayout.Scales.HALVES
                ? Float.float16ToFloat(bits)
                : Float.intBitsToFloat(bits << 16);
    }
}

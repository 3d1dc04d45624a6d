package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Blocks of 256 elements that are drawn, eight at a time, from a table of lattice points, with a
 * sign each: IQ2_XXS. Every 32 elements take four table indices, four times seven sign bits and a
 * four-bit scale.
 */
final class LatticeBlock extends QuantBlock {

    private static final int GROUP_ELEMENTS = 32;
    private static final int POINT_ELEMENTS = 8;
    private static final byte[] MAGNITUDES = {8, 25, 43};

    /**
     * The 256 points of {@code iq2xxs_grid} in ggml-common.h, four hexadecimal digits each: two
     * bits per element, the first element lowest, that select its magnitude.
     */
    private static final String POINTS = ""
            + "0000000200050008000a00110014002000220028002a00410044005000580061"
            + "006400800082008a00a201010104011001150140018401980200020202220282"
            + "04010404041004210424044004420448046004810484049004a4050005020508"
            + "05200546056905800591060906100640068406a4080008050808081408280841"
            + "0844085008520888090409400a020a1410011004101010211040106010841090"
            + "10951100110811201150115a1180122412451400140814201425144914801518"
            + "156216001616180118041810184018811900190519a01a5120002002200a2044"
            + "2061208020822129214822002202240124042410244024562500254125642690"
            + "2808282028942a44400140044010401840214024404040484056406040814084"
            + "4090410041204161418041854201421042484256426844004408442044804499"
            + "4512452446004801480448104840484549004958496149824a454a9050005008"
            + "501150195020508050885104514251a4529154905492550a5601565458005811"
            + "5819586459405a08600460106040606861006155621862606400640565106512"
            + "6584684280008002800a80418082810481188140821184018404841084158440"
            + "8460850085468594860986408660880289048a11900490109024904090a19116"
            + "91809245940094229444955198819920a002a050a085a109a200a418a850a904";

    private static final byte[] GRID = unpackPoints();

    LatticeBlock() {
        super(QuantFormat.IQ2_XXS, GROUP_ELEMENTS, false);
    }

    static byte[] points() {
        return GRID.clone();
    }

    private static byte[] unpackPoints() {
        byte[] grid = new byte[POINTS.length() / 4 * POINT_ELEMENTS];
        for (int i = 0; i < grid.length; i++) {
            int digits = i / POINT_ELEMENTS * 4;
            int point = Integer.parseInt(POINTS, digits, digits + 4, 16);
            grid[i] = MAGNITUDES[point >> i % POINT_ELEMENTS * 2 & 3];
        }
        return grid;
    }

    /** The group's scale {@code d * (0.5 + s) / 4} is exactly {@code (d / 8) * (2 s + 1)}. */
    @Override
    public void read(MemorySegment data, long offset) {
        scale = LittleEndian.half(data, offset) * 0.125f;
        for (int group = 0; group < groups(); group++) {
            long indices = offset + 2 + group * 8L;
            int signsAndScale = data.get(LittleEndian.INT, indices + 4);
            scaleCodes[group] = (byte) ((signsAndScale >>> 28) * 2 + 1);
            for (int point = 0; point < GROUP_ELEMENTS / POINT_ELEMENTS; point++) {
                int grid = LittleEndian.unsignedByte(data, indices + point) * POINT_ELEMENTS;
                int signs = withParity(signsAndScale >>> point * 7 & 0x7F);
                int first = group * GROUP_ELEMENTS + point * POINT_ELEMENTS;
                for (int i = 0; i < POINT_ELEMENTS; i++) {
                    byte magnitude = GRID[grid + i];
                    codes[first + i] = (signs >> i & 1) == 0 ? magnitude : (byte) -magnitude;
                }
            }
        }
    }

    /** The eighth sign makes the number of negative elements even ({@code ksigns_iq2xs}). */
    private static int withParity(int signs) {
        return signs | (Integer.bitCount(signs) & 1) << 7;
    }
}

package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Blocks of 256 elements whose magnitudes are drawn, eight or four at a time, from a table of
 * lattice points, with a sign each: IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS and IQ3_S. A group's scale is
 * an odd number in units of the block's.
 */
final class LatticeBlock extends QuantBlock {

    private static final int ELEMENTS = 256;
    /** Elements that share a word of signs, and in most formats a scale. */
    private static final int WORD_ELEMENTS = 32;

    private final byte[] points;
    private final int pointElements;

    LatticeBlock(QuantFormat format) {
        super(format,
                format == QuantFormat.IQ2_XS || format == QuantFormat.IQ2_S ? 16 : WORD_ELEMENTS,
                Scales.CODED, false, signed(LatticePoints.valueOf(format.name()).levels()));
        LatticePoints table = LatticePoints.valueOf(format.name());
        points = table.elements();
        pointElements = table.pointElements();
    }

    private static byte[] signed(int[] magnitudes) {
        byte[] codes = new byte[2 * magnitudes.length];
        for (int i = 0; i < magnitudes.length; i++) {
            codes[i] = (byte) magnitudes[i];
            codes[magnitudes.length + i] = (byte) -magnitudes[i];
        }
        return codes;
    }

    @Override
    public void read(MemorySegment data, long offset) {
        scale = LittleEndian.half(data, offset) * switch (format()) {
            // Exact: the formats ask for (0.5 + s) / 4 or / 2, these units for 2 s + 1.
            case IQ3_S -> 1;
            case IQ3_XXS -> 0.25f;
            default -> 0.125f;
        };
        switch (format()) {
            case IQ2_XXS -> readPairsOfWords(data, offset + 2);
            case IQ2_XS -> readIndicesWithSigns(data, offset + 2);
            case IQ2_S -> readLongIndices(data, offset + 2);
            case IQ3_XXS -> readIndicesAndWords(data, offset + 2);
            case IQ3_S -> readNineBitIndices(data, offset + 2);
            default -> throw new IllegalStateException(format() + " has no lattice points");
        }
    }

    /** For 32 elements four indices of a byte, then four times seven signs and a scale. */
    private void readPairsOfWords(MemorySegment data, long offset) {
        for (int group = 0; group < groups(); group++, offset += 8) {
            for (int point = 0; point < 4; point++) {
                copyPoint(group * 4 + point, LittleEndian.unsignedByte(data, offset + point));
            }
            readSignsAndScale(group, data.get(LittleEndian.INT, offset + 4));
        }
    }

    /** A byte for each index, then for 32 elements four times seven signs and a scale. */
    private void readIndicesAndWords(MemorySegment data, long offset) {
        for (int point = 0; point < ELEMENTS / pointElements; point++) {
            copyPoint(point, LittleEndian.unsignedByte(data, offset + point));
        }
        for (int group = 0; group < groups(); group++) {
            readSignsAndScale(group, data.get(LittleEndian.INT, offset + 64 + group * 4L));
        }
    }

    private void readSignsAndScale(int group, int word) {
        scaleCodes[group] = odd(word >>> 28);
        for (int i = 0; i < 4; i++) {
            negate(group * WORD_ELEMENTS + i * 8, withParity(word >>> i * 7 & 0x7F));
        }
    }

    /** Nine bits of index and seven signs for every eight elements, then nibbles of scales. */
    private void readIndicesWithSigns(MemorySegment data, long offset) {
        for (int point = 0; point < 32; point++) {
            int word = data.get(LittleEndian.SHORT, offset + point * 2L) & 0xFFFF;
            copyPoint(point, word & 0x1FF);
            negate(point * 8, withParity(word >> 9));
        }
        readScaleNibbles(data, offset + 64);
    }

    /** Low bytes of the indices, signs, upper pairs of bits of the indices, nibbles of scales. */
    private void readLongIndices(MemorySegment data, long offset) {
        for (int point = 0; point < 32; point++) {
            int upper = LittleEndian.unsignedByte(data, offset + 64 + point / 4);
            copyPoint(point, LittleEndian.unsignedByte(data, offset + point)
                    | (upper >> point % 4 * 2 & 3) << 8);
            negate(point * 8, LittleEndian.unsignedByte(data, offset + 32 + point));
        }
        readScaleNibbles(data, offset + 72);
    }

    /** Low bytes of the indices, their ninth bits, signs, nibbles of scales. */
    private void readNineBitIndices(MemorySegment data, long offset) {
        for (int point = 0; point < 64; point++) {
            int upper = LittleEndian.unsignedByte(data, offset + 64 + point / 8);
            copyPoint(point, LittleEndian.unsignedByte(data, offset + point)
                    | (upper >> point % 8 & 1) << 8);
        }
        for (int i = 0; i < 32; i++) {
            negate(i * 8, LittleEndian.unsignedByte(data, offset + 72 + i));
        }
        readScaleNibbles(data, offset + 104);
    }

    private void readScaleNibbles(MemorySegment data, long offset) {
        for (int group = 0; group < groups(); group++) {
            int pair = LittleEndian.unsignedByte(data, offset + group / 2);
            scaleCodes[group] = odd(pair >> group % 2 * 4 & 0xF);
        }
    }

    private static byte odd(int scale) {
        return (byte) (2 * scale + 1);
    }

    private void copyPoint(int point, int index) {
        System.arraycopy(points, index * pointElements, codes, point * pointElements,
                pointElements);
    }

    /** The eighth sign makes the number of negative elements even ({@code ksigns_iq2xs}). */
    private static int withParity(int signs) {
        return signs | (Integer.bitCount(signs) & 1) << 7;
    }

    private void negate(int first, int signs) {
        for (int i = 0; i < 8; i++) {
            if ((signs >> i & 1) != 0) {
                codes[first + i] = (byte) -codes[first + i];
            }
        }
    }
}

package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Blocks of 256 elements whose groups have scales of their own, in units of the block's: the
 * "K-quants" Q2_K, Q3_K, Q4_K, Q5_K and Q6_K.
 */
final class KBlock extends QuantBlock {

    private static final int ELEMENTS = 256;
    private static final int SIX_BITS = 0x3F;

    KBlock(QuantFormat format) {
        super(format, format == QuantFormat.Q4_K || format == QuantFormat.Q5_K ? 32 : 16,
                Scales.CODED, format != QuantFormat.Q3_K && format != QuantFormat.Q6_K,
                codebook(format));
    }

    private static byte[] codebook(QuantFormat format) {
        return switch (format) {
            case Q2_K -> new byte[]{0, 1, 2, 3};
            case Q3_K -> new byte[]{-4, -3, -2, -1, 0, 1, 2, 3};
            case Q4_K -> new byte[]{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
            default -> new byte[0];
        };
    }

    @Override
    public void read(MemorySegment data, long offset) {
        switch (format()) {
            case Q2_K -> readTwoBits(data, offset);
            case Q3_K -> readThreeBits(data, offset);
            case Q4_K -> readFourBits(data, offset);
            case Q5_K -> readFiveBits(data, offset);
            case Q6_K -> readSixBits(data, offset);
            default -> throw new IllegalStateException(format() + " is no K-quant");
        }
    }

    /** 16 bytes of scale and minimum nibbles, 64 bytes of codes, two half-precision factors. */
    private void readTwoBits(MemorySegment data, long offset) {
        for (int group = 0; group < groups(); group++) {
            int pair = LittleEndian.unsignedByte(data, offset + group);
            scaleCodes[group] = (byte) (pair & 0xF);
            minCodes[group] = (byte) (pair >> 4);
        }
        readPairsOfBits(data, offset + 16);
        scale = LittleEndian.half(data, offset + 80);
        minScale = LittleEndian.half(data, offset + 82);
    }

    /** Each 32 bytes hold 128 elements, the first 32 in their lowest bits. */
    private void readPairsOfBits(MemorySegment data, long offset) {
        for (int i = 0; i < ELEMENTS; i++) {
            int packed = LittleEndian.unsignedByte(data, offset + i / 128 * 32 + i % 32);
            codes[i] = (byte) (packed >> i % 128 / 32 * 2 & 3);
        }
    }

    /**
     * 32 bytes of third bits, bit e for the elements from 32 e on; 64 bytes of the lower two; six
     * bits of scale each; the factor.
     */
    private void readThreeBits(MemorySegment data, long offset) {
        readPairsOfBits(data, offset + 32);
        for (int i = 0; i < ELEMENTS; i++) {
            int bits = LittleEndian.unsignedByte(data, offset + i % 32);
            codes[i] += (byte) ((bits >> i / 32 & 1) * 4 - 4);
        }
        for (int group = 0; group < groups(); group++) {
            int low = LittleEndian.unsignedByte(data, offset + 96 + group % 8) >> group / 8 * 4;
            int high = LittleEndian.unsignedByte(data, offset + 104 + group % 4) >> group / 4 * 2;
            scaleCodes[group] = (byte) ((low & 0xF | (high & 3) << 4) - 32);
        }
        scale = LittleEndian.half(data, offset + 108);
    }

    /** Two factors, 12 bytes of six-bit scales and minimums, 128 bytes of nibbles. */
    private void readFourBits(MemorySegment data, long offset) {
        readFactors(data, offset);
        readNibbles(data, offset + 16);
    }

    /** As four bits, with 32 bytes of fifth bits before the nibbles: bit g for group g. */
    private void readFiveBits(MemorySegment data, long offset) {
        readFactors(data, offset);
        readNibbles(data, offset + 48);
        for (int i = 0; i < ELEMENTS; i++) {
            int bits = LittleEndian.unsignedByte(data, offset + 16 + i % 32);
            codes[i] |= (byte) ((bits >> i / 32 & 1) << 4);
        }
    }

    private void readFactors(MemorySegment data, long offset) {
        scale = LittleEndian.half(data, offset);
        minScale = LittleEndian.half(data, offset + 2);
        long packed = offset + 4;
        for (int group = 0; group < 4; group++) {
            int low = LittleEndian.unsignedByte(data, packed + group);
            int middle = LittleEndian.unsignedByte(data, packed + group + 4);
            int high = LittleEndian.unsignedByte(data, packed + group + 8);
            scaleCodes[group] = (byte) (low & SIX_BITS);
            minCodes[group] = (byte) (middle & SIX_BITS);
            scaleCodes[group + 4] = (byte) (high & 0xF | low >> 6 << 4);
            minCodes[group + 4] = (byte) (high >> 4 | middle >> 6 << 4);
        }
    }

    /** Of every 64 elements the low nibbles are the first 32, the high ones the rest. */
    private void readNibbles(MemorySegment data, long offset) {
        for (int i = 0; i < ELEMENTS / 2; i++) {
            int pair = LittleEndian.unsignedByte(data, offset + i);
            int first = i / 32 * 64 + i % 32;
            codes[first] = (byte) (pair & 0xF);
            codes[first + 32] = (byte) (pair >> 4);
        }
    }

    /** 128 bytes of low nibbles, 64 of high pairs of bits, 16 signed scales, the factor. */
    private void readSixBits(MemorySegment data, long offset) {
        for (int i = 0; i < ELEMENTS; i++) {
            int half = i / 128;
            int quarter = i % 128 / 32;
            long lowByte = offset + half * 64 + quarter % 2 * 32 + i % 32;
            int low = LittleEndian.unsignedByte(data, lowByte) >> quarter / 2 * 4 & 0xF;
            int high = LittleEndian.unsignedByte(data, offset + 128 + half * 32 + i % 32);
            codes[i] = (byte) ((low | (high >> quarter * 2 & 3) << 4) - 32);
        }
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, offset + 192, scaleCodes, 0, groups());
        scale = LittleEndian.half(data, offset + 208);
    }
}

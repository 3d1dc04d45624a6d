package dev.millrace.models.text;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Hashes of short runs of bytes, eight at a time. */
final class ByteHash {

    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class,
            ByteOrder.LITTLE_ENDIAN);
    private static final long FACTOR = 0x9e37_79b9_7f4a_7c15L;

    private ByteHash() {}

    /** @param seed random, so that nobody can choose runs that fall together */
    static long of(byte[] text, int from, int to, long seed) {
        long hash = seed ^ (long) (to - from) * FACTOR;
        int at = from;
        for (; to - at > Long.BYTES; at += Long.BYTES) {
            hash = mix(hash ^ (long) LONGS.get(text, at));
        }
        return mix(mix(hash ^ last(text, at, to)));
    }

    /** Up to eight bytes as a number. */
    private static long last(byte[] text, int from, int to) {
        int count = to - from;
        if (count == 0) {
            return 0;
        }
        if (from + Long.BYTES <= text.length) {
            return (long) LONGS.get(text, from) & -1L >>> Long.SIZE - Byte.SIZE * count;
        }
        long value = 0;
        for (int i = to - 1; i >= from; i--) {
            value = value << Byte.SIZE | text[i] & 0xff;
        }
        return value;
    }

    private static long mix(long hash) {
        long mixed = hash * FACTOR;
        return mixed ^ mixed >>> 32;
    }
}

package dev.millrace.models.tokenizers;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Reads the fields of one protobuf message in order
 * (<a href="https://protobuf.dev/programming-guides/encoding/">encoding</a>).
 */
final class ProtobufMessage {

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;
    private static final int MAX_VARINT_BYTES = 10;

    private final byte[] data;
    private final int end;
    private int at;
    private int field;
    private int type;
    private long number;
    private int bytesStart;

    ProtobufMessage(byte[] data) {
        this(data, 0, data.length);
    }

    private ProtobufMessage(byte[] data, int from, int to) {
        this.data = data;
        this.at = from;
        this.end = to;
    }

    /**
     * Moves to the next field.
     *
     * @return its number, or 0 at the end of the message
     * @throws IllegalArgumentException if the message is damaged
     */
    int next() {
        if (at == end) {
            return 0;
        }
        long key = varint();
        field = (int) (key >>> 3);
        type = (int) key & 7;
        switch (type) {
            case VARINT -> number = varint();
            case FIXED64 -> number = fixed(Long.BYTES);
            case FIXED32 -> number = fixed(Integer.BYTES);
            case BYTES -> {
                long length = varint();
                if (length < 0 || length > end - at) {
                    throw damaged();
                }
                bytesStart = at;
                at += (int) length;
            }
            default -> throw damaged();
        }
        if (field <= 0) {
            throw damaged();
        }
        return field;
    }

    long number() {
        require(VARINT);
        return number;
    }

    boolean flag() {
        return number() != 0;
    }

    float real() {
        require(FIXED32);
        return Float.intBitsToFloat((int) number);
    }

    byte[] bytes() {
        require(BYTES);
        return Arrays.copyOfRange(data, bytesStart, at);
    }

    ProtobufMessage message() {
        require(BYTES);
        return new ProtobufMessage(data, bytesStart, at);
    }

    private void require(int expected) {
        if (type != expected) {
            throw damaged();
        }
    }

    private long varint() {
        long value = 0;
        for (int i = 0; i < MAX_VARINT_BYTES && at < end; i++) {
            byte b = data[at++];
            value |= (long) (b & 0x7f) << 7 * i;
            if (b >= 0) {
                return value;
            }
        }
        throw damaged();
    }

    private long fixed(int bytes) {
        if (end - at < bytes) {
            throw damaged();
        }
        ByteBuffer buffer = ByteBuffer.wrap(data, at, bytes).order(ByteOrder.LITTLE_ENDIAN);
        at += bytes;
        return bytes == Long.BYTES ? buffer.getLong() : buffer.getInt();
    }

    private IllegalArgumentException damaged() {
        return new IllegalArgumentException("damaged at byte " + at);
    }
}

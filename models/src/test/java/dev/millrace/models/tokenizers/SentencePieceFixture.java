package dev.millrace.models.tokenizers;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** A SentencePiece model under construction, in protobuf's encoding. */
final class SentencePieceFixture {

    private final ByteArrayOutputStream model = new ByteArrayOutputStream();

    SentencePieceFixture piece(String piece, float score, int kind) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        bytes(message, 1, piece.getBytes(StandardCharsets.UTF_8));
        varint(message, 2 << 3 | 5);
        message.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(score)
                .array());
        number(message, 3, kind);
        bytes(model, 1, message.toByteArray());
        return this;
    }

    /** The model's type: 1 unigram, 2 byte pairs. */
    SentencePieceFixture type(int type) {
        return type(type, false);
    }

    /** @param bytes whether unknown characters become pieces of single bytes */
    SentencePieceFixture type(int type, boolean bytes) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        number(message, 3, type);
        number(message, 35, bytes ? 1 : 0);
        number(message, 41, 1);
        number(message, 42, 2);
        bytes(model, 2, message.toByteArray());
        return this;
    }

    SentencePieceFixture spaces(boolean prefix, boolean merged) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        bytes(message, 1, "identity".getBytes(StandardCharsets.UTF_8));
        number(message, 3, prefix ? 1 : 0);
        number(message, 4, merged ? 1 : 0);
        bytes(model, 3, message.toByteArray());
        return this;
    }

    byte[] toByteArray() {
        return model.toByteArray();
    }

    private static void number(ByteArrayOutputStream out, int field, long value) {
        varint(out, (long) field << 3);
        varint(out, value);
    }

    private static void bytes(ByteArrayOutputStream out, int field, byte[] value) {
        varint(out, (long) field << 3 | 2);
        varint(out, value.length);
        out.writeBytes(value);
    }

    static void varint(ByteArrayOutputStream out, long value) {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            out.write((int) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        out.write((int) rest);
    }
}

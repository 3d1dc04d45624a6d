package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** How pieces of a vocabulary are written and spoken. */
public enum TokenSpelling {

    /** Pieces are raw bytes, written in GPT-2's alphabet. */
    BYTE_LEVEL {
        @Override
        byte[] spoken(byte[] piece, Kind kind) {
            return piece.clone();
        }

        @Override
        String written(byte[] piece, Kind kind) {
            return kind == Kind.NORMAL || kind == Kind.UNUSED
                    ? ByteAlphabet.spell(piece)
                    : super.written(piece, kind);
        }
    },

    /** Pieces are text with spaces as U+2581, and byte tokens such as {@code <0x0A>}. */
    SENTENCE_PIECE {
        @Override
        byte[] spoken(byte[] piece, Kind kind) {
            return kind == Kind.BYTE
                    ? new byte[]{(byte) Vocabulary.byteOf(piece)}
                    : withSpaces(piece);
        }
    },

    /** Pieces are words, and what continues one begins with {@code ##}. */
    WORD_PIECE {
        @Override
        byte[] spoken(byte[] piece, Kind kind) {
            boolean continues = piece.length > 2 && piece[0] == '#' && piece[1] == '#';
            ByteArrayOutputStream spoken = new ByteArrayOutputStream();
            if (continues) {
                spoken.write(piece, 2, piece.length - 2);
            } else {
                spoken.write(' ');
                spoken.writeBytes(piece);
            }
            return spoken.toByteArray();
        }
    };

    /** The bytes that a piece stands for in a text. */
    abstract byte[] spoken(byte[] piece, Kind kind);

    String written(byte[] piece, Kind kind) {
        return new String(piece, StandardCharsets.UTF_8);
    }

    static byte[] withSpaces(byte[] piece) {
        byte[] spoken = new byte[piece.length];
        int size = 0;
        for (int i = 0; i < piece.length;) {
            boolean space = Arrays.mismatch(piece, i,
                    Math.min(piece.length, i + Vocabulary.SPACE.length), Vocabulary.SPACE, 0,
                    Vocabulary.SPACE.length) < 0;
            spoken[size++] = space ? (byte) ' ' : piece[i];
            i += space ? Vocabulary.SPACE.length : 1;
        }
        return Arrays.copyOf(spoken, size);
    }
}

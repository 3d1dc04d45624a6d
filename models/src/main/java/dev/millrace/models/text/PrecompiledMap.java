package dev.millrace.models.text;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.text.BreakIterator;
import java.util.Locale;

/**
 * The replacements that a SentencePiece file brings along ({@code precompiled_charsmap}): a double
 * array (darts-clone) from byte strings to places in a list of zero-terminated replacements.
 */
public final class PrecompiledMap implements TextNormalizer {

    private static final int HEADER_BYTES = 4;
    private static final int MOST_CHARACTER_BYTES = 5;
    private static final int LABEL_MASK = 0x8000_00ff;
    private static final int VALUE_MASK = 0x7fff_ffff;

    private final int[] units;
    private final byte[] replacements;

    private final boolean byCharacter;

    /**
     * Reads a map.
     *
     * @param byCharacter whether to replace as Hugging Face does: for what a reader takes for a
     *                    character (a grapheme cluster) of up to five bytes, else for each code
     *                    point, what the shortest string stands for that it begins with.
     *                    SentencePiece itself takes the longest string wherever it stands
     * @throws IllegalArgumentException if the map is damaged
     */
    public PrecompiledMap(byte[] map, boolean byCharacter) {
        this.byCharacter = byCharacter;
        if (map.length < HEADER_BYTES) {
            throw new IllegalArgumentException("a precompiled map of " + map.length + " bytes");
        }
        ByteBuffer buffer = ByteBuffer.wrap(map).order(ByteOrder.LITTLE_ENDIAN);
        int trieBytes = buffer.getInt();
        if (trieBytes < 0 || trieBytes % Integer.BYTES != 0 || trieBytes > buffer.remaining()) {
            throw new IllegalArgumentException("a precompiled map of " + map.length
                    + " bytes says that its first part has " + trieBytes);
        }
        this.units = new int[trieBytes / Integer.BYTES];
        buffer.asIntBuffer().get(units);
        buffer.position(HEADER_BYTES + trieBytes);
        this.replacements = new byte[buffer.remaining()];
        buffer.get(replacements);
    }

    @Override
    public byte[] apply(byte[] text, boolean atStart) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(text.length);
        if (byCharacter) {
            replaceCharacters(text, out);
        } else {
            for (int at = 0; at < text.length;) {
                at = replace(text, at, text.length, out);
            }
        }
        // A damaged map could cut a character in two.
        return Utf8.encode(out.toString(StandardCharsets.UTF_8));
    }

    private void replaceCharacters(byte[] text, ByteArrayOutputStream out) {
        String written = new String(text, StandardCharsets.UTF_8);
        BreakIterator characters = BreakIterator.getCharacterInstance(Locale.ROOT);
        characters.setText(written);
        int start = 0;
        for (int end = characters.next(); end != BreakIterator.DONE; end = characters.next()) {
            byte[] character = written.substring(start, end).getBytes(StandardCharsets.UTF_8);
            boolean replaced = character.length <= MOST_CHARACTER_BYTES
                    && replace(character, 0, character.length, out) == character.length;
            for (int at = 0; !replaced && at < character.length;) {
                int length = Utf8.length(character[at]);
                if (replace(character, at, at + length, out) == at) {
                    out.write(character, at, length);
                }
                at += length;
            }
            start = end;
        }
    }

    /**
     * Writes what stands for the text that begins here, and returns where that ends; by characters
     * that is the limit, or {@code at} if nothing was written.
     */
    private int replace(byte[] text, int at, int limit, ByteArrayOutputStream out) {
        int end = at;
        int value = -1;
        int node = units.length == 0 ? 0 : offset(units[0]);
        for (int i = at; i < limit && text[i] != 0 && !(byCharacter && value >= 0); i++) {
            int label = text[i] & 0xff;
            node ^= label;
            if (node >= units.length || (units[node] & LABEL_MASK) != label) {
                break;
            }
            boolean leaf = (units[node] >>> 8 & 1) != 0;
            node ^= offset(units[node]);
            if (leaf && node < units.length) {
                value = units[node] & VALUE_MASK;
                end = i + 1;
            }
        }
        if (value < 0 || value >= replacements.length) {
            if (byCharacter) {
                return at;
            }
            end = Math.min(limit, at + Utf8.length(text[at]));
            out.write(text, at, end - at);
            return end;
        }
        int stop = value;
        while (stop < replacements.length && replacements[stop] != 0) {
            stop++;
        }
        out.write(replacements, value, stop - value);
        return byCharacter ? limit : end;
    }

    private static int offset(int unit) {
        return unit >>> 10 << ((unit & 1 << 9) >>> 6);
    }
}

package dev.millrace.models.text;

import dev.millrace.models.fixtures.RandomTexts;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class PrecompiledMapTest {

    private static final int UNITS = 1024;

    /** A double array that maps "a" to "xy" and "ab" to "z". */
    private static byte[] map() {
        int[] units = new int[UNITS];
        units[0] = 256 << 10;
        units[256 ^ 'a'] = 'a' | 1 << 8 | (256 ^ 'a' ^ 512) << 10;
        units[512] = 1 << 31;
        units[512 ^ 'b'] = 'b' | 1 << 8 | (512 ^ 'b' ^ 768) << 10;
        units[768] = 1 << 31 | 3;
        byte[] replacements = "xy\0z\0".getBytes(StandardCharsets.UTF_8);
        ByteBuffer map = ByteBuffer.allocate(4 + 4 * UNITS + replacements.length)
                .order(ByteOrder.LITTLE_ENDIAN).putInt(4 * UNITS);
        for (int unit : units) {
            map.putInt(unit);
        }
        return map.put(replacements).array();
    }

    private static String apply(byte[] map, boolean byCharacter, String text) {
        return new String(new PrecompiledMap(map, byCharacter).apply(Utf8.encode(text), true),
                StandardCharsets.UTF_8);
    }

    @Test
    void replacesTheLongestStringThatBeginsAnywhere() {
        assertThat(apply(map(), false, "cabaacb\u00e9")).isEqualTo("czxyxycb\u00e9");
        assertThat(apply(map(), false, "")).isEmpty();
    }

    @Test
    void orWholeCharactersByTheirShortestBeginning() {
        assertThat(apply(map(), true, "caba\u0301c")).isEqualTo("cxybxyc");
        // Of more than five bytes, each code point by itself.
        assertThat(apply(map(), true, "a\u0301\u0301\u0301")).isEqualTo("xy\u0301\u0301\u0301");
    }

    @Test
    void damagedMapsMakeWellFormedTextOrAreRefused() {
        SplittableRandom random = new SplittableRandom(5);
        for (int round = 0; round < 2000; round++) {
            byte[] map = map();
            for (int i = random.nextInt(1, 200); i > 0; i--) {
                map[4 + random.nextInt(map.length - 4)] = (byte) random.nextInt(256);
            }
            String text = RandomTexts.wellFormed(RandomTexts.next(random)) + "abab";
            byte[] result = new PrecompiledMap(map, round % 2 == 0).apply(Utf8.encode(text), true);
            assertThat(Utf8.encode(new String(result, StandardCharsets.UTF_8))).isEqualTo(result);
        }
        assertThatThrownBy(() -> new PrecompiledMap(new byte[3], false))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new PrecompiledMap(new byte[]{-1, -1, -1, 127, 0}, false))
                .isInstanceOf(IllegalArgumentException.class);
    }
}

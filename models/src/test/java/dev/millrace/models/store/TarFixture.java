package dev.millrace.models.store;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.zip.GZIPOutputStream;

/** Writes tar archives for tests, sound ones and damaged ones. */
final class TarFixture {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    TarFixture file(String name, byte[] content) {
        return member(name, '0', content.length, content);
    }

    /** A member whose header may say another size than its content has. */
    TarFixture member(String name, char type, long declaredBytes, byte[] content) {
        byte[] header = new byte[512];
        put(header, 0, name);
        put(header, 100, "0000644\0");
        put(header, 124, String.format(Locale.ROOT, "%011o\0", declaredBytes));
        header[156] = (byte) type;
        put(header, 257, "ustar\0" + "00");
        return raw(header, content);
    }

    /** A member from a hand-made header, whose checksum is filled in. */
    TarFixture raw(byte[] header, byte[] content) {
        put(header, 148, "        ");
        int sum = 0;
        for (byte value : header) {
            sum += value & 0xff;
        }
        put(header, 148, String.format(Locale.ROOT, "%06o\0 ", sum));
        bytes.writeBytes(header);
        bytes.writeBytes(content);
        bytes.writeBytes(new byte[-content.length & 511]);
        return this;
    }

    byte[] tar() {
        bytes.writeBytes(new byte[1024]);
        return bytes.toByteArray();
    }

    byte[] gzipped() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(tar());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    static void put(byte[] header, int offset, String text) {
        byte[] field = text.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(field, 0, header, offset, field.length);
    }
}

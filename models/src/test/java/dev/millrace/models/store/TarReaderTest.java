package dev.millrace.models.store;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.*;

class TarReaderTest {

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 511, 512, 513, 300_000})
    void readsFilesOfAwkwardSizes(int size) throws IOException {
        byte[] content = new byte[size];
        Arrays.fill(content, (byte) 7);
        TarReader tar = read(new TarFixture().file("a", content).file("b", "end".getBytes(UTF_8)));

        assertThat(tar.next()).isEqualTo(new TarReader.Member("a", size));
        assertThat(content(tar)).isEqualTo(content);
        assertThat(tar.next().path()).isEqualTo("b");
        assertThat(content(tar)).asString(UTF_8).isEqualTo("end");
        assertThat(tar.next()).isNull();
    }

    @Test
    void skipsWhatWasNotReadAndWhatIsNoFile() throws IOException {
        TarReader tar = read(new TarFixture()
                .member("folder/", '5', 0, new byte[0])
                .file("skipped", new byte[1000])
                .member("link", '2', 0, new byte[0])
                .file("wanted", new byte[1]));

        assertThat(tar.next().path()).isEqualTo("skipped");
        assertThat(tar.next().path()).isEqualTo("wanted");
    }

    @Test
    void takesThePathFromAnExtendedHeader() throws IOException {
        String path = "package/" + "x".repeat(200) + "/model.gguf";
        byte[] pax = paxRecord("path", path);
        TarReader tar = read(new TarFixture()
                .member("PaxHeader", 'x', pax.length, pax)
                .file("short", new byte[3])
                .file("plain", new byte[0]));

        assertThat(tar.next()).isEqualTo(new TarReader.Member(path, 3));
        assertThat(tar.next().path()).isEqualTo("plain");
    }

    @Test
    void takesThePathFromAGnuLongName() throws IOException {
        String path = "package/" + "y".repeat(300);
        byte[] name = (path + "\0").getBytes(UTF_8);
        TarReader tar = read(new TarFixture()
                .member("././@LongLink", 'L', name.length, name)
                .file("short", new byte[3]));

        assertThat(tar.next().path()).isEqualTo(path);
    }

    @Test
    void joinsThePrefixOfAUstarHeader() throws IOException {
        byte[] header = new byte[512];
        TarFixture.put(header, 0, "model.gguf");
        TarFixture.put(header, 124, "00000000000\0");
        header[156] = '0';
        TarFixture.put(header, 257, "ustar\0" + "00");
        TarFixture.put(header, 345, "package/deep");

        assertThat(read(new TarFixture().raw(header, new byte[0])).next().path())
                .isEqualTo("package/deep/model.gguf");
    }

    @Test
    void refusesAnArchiveThatEndsInsideAFile() throws IOException {
        byte[] whole = new TarFixture().file("a", new byte[5000]).tar();
        TarReader tar = new TarReader(new ByteArrayInputStream(whole, 0, 2000));

        tar.next();

        assertThatExceptionOfType(EOFException.class).isThrownBy(() -> content(tar));
    }

    @Test
    void refusesADamagedHeader() {
        byte[] tar = new TarFixture().file("a", new byte[5]).tar();
        tar[3] ^= 1;

        assertThatIOException().isThrownBy(() -> new TarReader(new ByteArrayInputStream(tar))
                .next()).withMessageContaining("checksum");
    }

    @Test
    void refusesANegativeSizeHoweverItIsWritten() {
        byte[] pax = paxRecord("size", "-1");
        TarReader tar = read(new TarFixture().member("x", 'x', pax.length, pax)
                .file("a", new byte[1]));

        assertThatIOException().isThrownBy(tar::next).withMessageContaining("\"-1\"");
    }

    @Test
    void refusesANameTooLongToHold() {
        TarReader tar = read(new TarFixture().member("x", 'L', 1L << 32, new byte[0]));

        assertThatIOException().isThrownBy(tar::next).withMessageContaining("at most");
    }

    @Test
    void refusesAnExtendedHeaderWhoseLengthsLie() {
        byte[] pax = "999 path=a\n".getBytes(UTF_8);
        TarReader tar = read(new TarFixture().member("x", 'x', pax.length, pax));

        assertThatIOException().isThrownBy(tar::next).withMessageContaining("damaged");
    }

    private static byte[] paxRecord(String key, String value) {
        int length = key.length() + value.length() + 3;
        length += String.valueOf(length + 3).length();
        String record = length + " " + key + "=" + value + "\n";
        assertThat(record).hasSize(length);
        return record.getBytes(UTF_8);
    }

    private static TarReader read(TarFixture fixture) {
        return new TarReader(new ByteArrayInputStream(fixture.tar()));
    }

    private static byte[] content(TarReader tar) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        tar.copyTo(out);
        return out.toByteArray();
    }
}

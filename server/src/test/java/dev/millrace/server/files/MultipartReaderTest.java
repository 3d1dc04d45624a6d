package dev.millrace.server.files;

import dev.millrace.server.openai.wire.ApiException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class MultipartReaderTest {

    private static final String BOUNDARY = "mill--race";

    /** Comes a few bytes at a time, as a network does. */
    private static final class Trickle extends InputStream {

        private final ByteArrayInputStream bytes;
        private final Random random = new Random(7);

        Trickle(byte[] bytes) {
            this.bytes = new ByteArrayInputStream(bytes);
        }

        @Override
        public int read() {
            return bytes.read();
        }

        @Override
        public int read(byte[] buffer, int offset, int length) {
            return bytes.read(buffer, offset, Math.min(length, 1 + random.nextInt(40)));
        }
    }

    private static MultipartReader reader(byte[] body) throws IOException {
        return new MultipartReader(new Trickle(body), BOUNDARY);
    }

    private static MultipartReader reader(String body) throws IOException {
        return reader(body.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String part(String name, String content) {
        return "--" + BOUNDARY + "\r\nContent-Disposition: form-data; name=\"" + name
                + "\"\r\n\r\n" + content + "\r\n";
    }

    private static final String END = "--" + BOUNDARY + "--\r\n";

    @Test
    void partsComeInTheirOrderWithTheirHeaders() throws IOException {
        MultipartReader reader = reader(part("a", "one") + part("b", "") + part("c", "\r\n")
                + END);

        for (String expected : new String[]{"a=one", "b=", "c=\r\n"}) {
            Map<String, String> headers = reader.next();
            assertThat(FormHeader.parameter(headers.get("content-disposition"), "name").orElse("")
                    + "=" + reader.text("x", 10)).isEqualTo(expected);
        }
        assertThat(reader.next()).isNull();
    }

    @Test
    void contentThatLooksLikeABoundaryIsContent() throws IOException {
        String near = "\r\n--mill\r\n--mill--rac\r\r\n--mill-race\n--mill--race";
        MultipartReader reader = reader("preamble\r\n" + part("a", near) + END);
        reader.next();

        assertThat(reader.text("a", 1000)).isEqualTo(near);
    }

    @Test
    void bytesOfAnyKindAndNumberComeThroughUnchanged() throws IOException {
        Random random = new Random(3);
        for (int size : new int[]{1, 65_535, 65_536, 65_537, 300_000}) {
            byte[] content = new byte[size];
            random.nextBytes(content);
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            body.write(("--" + BOUNDARY + "\r\nA: b\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            body.write(content);
            body.write(("\r\n" + END).getBytes(StandardCharsets.US_ASCII));
            MultipartReader reader = new MultipartReader(
                    new ByteArrayInputStream(body.toByteArray()), BOUNDARY);
            reader.next();
            ByteArrayOutputStream read = new ByteArrayOutputStream();
            reader.copy(read::write);

            assertThat(read.toByteArray()).as("of " + size).isEqualTo(content);
            assertThat(reader.next()).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--mill--race", "--mill--race\r\nA: b\r\n\r\nno end",
        "--mill--race\r\nno header\r\n\r\nx\r\n--mill--race--", "nothing like it",
        "--mill--race x\r\nA: b\r\n\r\n\r\n--mill--race--"})
    void aBodyThatIsNoneIsRefused(String body) {
        assertThatExceptionOfType(ApiException.class).isThrownBy(() -> {
            MultipartReader reader = reader(body);
            while (reader.next() != null) {
                reader.text("a", 100);
            }
        }).matches(e -> e.status() == 400 && e.code().equals("invalid_multipart"));
    }

    @Test
    void partsAndTheirHeadersAreLimited() throws IOException {
        MultipartReader many = reader(part("a", "").repeat(20) + END);
        assertThatExceptionOfType(ApiException.class).isThrownBy(() -> {
            while (many.next() != null) {
                many.text("a", 1);
            }
        }).withMessageContaining("more than 16");
        assertThatExceptionOfType(ApiException.class).isThrownBy(() -> reader("--" + BOUNDARY
                + "\r\nA: " + "b".repeat(9_000) + "\r\n\r\n").next());
        MultipartReader large = reader(part("a", "xyz") + END);
        large.next();
        assertThatExceptionOfType(ApiException.class).isThrownBy(() -> large.text("a", 2));
    }

    @ParameterizedTest
    @ValueSource(strings = {"form-data; name=\"file\"; filename=\"a \\\"b\\\".jsonl\"",
        "form-data; filename=\"a %22b%22.jsonl\"; name=file"})
    void namesAreReadAsBrowsersAndLibrariesSpellThem(String header) {
        assertThat(FormHeader.parameter(header, "name")).contains("file");
        assertThat(FormHeader.parameter(header, "filename")).contains("a \"b\".jsonl");
        assertThat(FormHeader.parameter(header, "boundary")).isEmpty();
    }
}

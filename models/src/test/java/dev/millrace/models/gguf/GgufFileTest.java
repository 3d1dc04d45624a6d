package dev.millrace.models.gguf;

import dev.millrace.kernels.TensorShape;
import dev.millrace.models.fixtures.GgufWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class GgufFileTest {

    @TempDir
    Path folder;

    private GgufFile open(GgufWriter writer) {
        return GgufFile.open(writer.write(folder.resolve("test.gguf")));
    }

    private static byte[] little(int bytes, long value) {
        return Arrays.copyOf(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value)
                .array(), bytes);
    }

    @Test
    void readsEveryTypeOfValueInFileOrder() {
        GgufWriter writer = new GgufWriter().entry("u8", 0, little(1, 200))
                .entry("i8", 1, little(1, -2)).entry("u16", 2, little(2, 60_000))
                .entry("i16", 3, little(2, -3)).entry("u32", 4, little(4, 4_000_000_000L))
                .entry("i32", 5, little(4, -4)).float32("f32", 0.5f).bool("no", false)
                .bool("yes", true).string("text", "grüße\u0000🙂")
                .entry("u64", 10, little(8, Long.MAX_VALUE)).entry("i64", 11, little(8, -5))
                .entry("f64", 12, little(8, Double.doubleToRawLongBits(0.1)));
        try (GgufFile file = open(writer)) {
            assertThat(file.version()).isEqualTo(3);
            assertThat(file.metadata().asMap().keySet()).containsExactly("u8", "i8", "u16", "i16",
                    "u32", "i32", "f32", "no", "yes", "text", "u64", "i64", "f64");
            assertThat(file.metadata().asMap().values()).containsExactly(200L, -2L, 60_000L, -3L,
                    4_000_000_000L, -4L, 0.5, false, true, "grüße\u0000🙂", Long.MAX_VALUE, -5L,
                    0.1);
        }
    }

    @Test
    void readsArraysWhereTheyLie() {
        GgufWriter writer = new GgufWriter().strings("words", List.of("", "one", "zwölf"))
                .float32s("numbers", 1.5f, -2)
                .array("u8", 0, 2, new byte[]{1, -1})
                .array("i8", 1, 2, new byte[]{1, -1})
                .array("u16", 2, 1, little(2, 65_535)).array("i16", 3, 1, little(2, -1))
                .array("u32", 4, 1, little(4, 4_294_967_295L)).int32s("i32", 7, -7)
                .array("bools", 7, 2, new byte[]{1, 0})
                .array("i64", 11, 1, little(8, -9)).array("none", 8, 0, new byte[0])
                .array("f64", 12, 1, little(8, Double.doubleToRawLongBits(0.1)))
                .string("after", "all");
        try (GgufFile file = open(writer)) {
            assertThat(file.metadata().asMap().values()).containsExactly(
                    List.of("", "one", "zwölf"), List.of(1.5, -2.0), List.of(1L, 255L),
                    List.of(1L, -1L), List.of(65_535L), List.of(-1L), List.of(4_294_967_295L),
                    List.of(7L, -7L), List.of(true, false), List.of(-9L), List.of(), List.of(0.1),
                    "all");
            GgufArray words = file.metadata().array("words").orElseThrow();
            assertThat(words.bytes(2)).isEqualTo("zwölf".getBytes(StandardCharsets.UTF_8));
            assertThatThrownBy(() -> words.get(3)).isInstanceOf(IndexOutOfBoundsException.class);
            GgufArray numbers = file.metadata().array("numbers").orElseThrow();
            assertThatThrownBy(() -> numbers.bytes(0))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("FLOAT32");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 32, 64, 4096})
    void findsTensorsAtAnyAlignment(int alignment) {
        GgufWriter writer = new GgufWriter().alignment(alignment)
                .uint32("general.alignment", alignment)
                .tensor("first", GgufTensorType.F16, new byte[]{1, 2, 3, 4, 5, 6}, 3)
                .tensor("second", GgufTensorType.I8, new byte[]{10, 11, 12, 13, 14, 15}, 2, 3);
        try (GgufFile file = open(writer)) {
            assertThat(file.tensors()).extracting(GgufTensor::name)
                    .containsExactly("first", "second");
            GgufTensor first = file.find("first").orElseThrow();
            assertThat(first.offset() % alignment).isZero();
            assertThat(first.type()).isEqualTo(GgufTensorType.F16);
            assertThat(first.shape()).isEqualTo(TensorShape.vector(3));
            assertThat(file.blocks(first).toArray(ValueLayout.JAVA_BYTE))
                    .containsExactly(1, 2, 3, 4, 5, 6);
            GgufTensor second = file.find("second").orElseThrow();
            assertThat(second.shape()).isEqualTo(TensorShape.matrix(3, 2));
            assertThat(second.bytes()).isEqualTo(6);
            assertThat(second.offset() - first.offset()).isEqualTo(Math.max(8, alignment));
            assertThat(file.find("third")).isEmpty();
        }
    }

    /** A tensor larger than what is sampled of it. */
    private String identity(String name, int changedByte, FileTime changed) throws IOException {
        byte[] data = new byte[1 << 20];
        data[changedByte] = 1;
        Path path = new GgufWriter().string("general.name", name)
                .tensor("weight", GgufTensorType.I8, data, data.length)
                .write(folder.resolve("test.gguf"));
        Files.setLastModifiedTime(path, changed);
        try (GgufFile file = GgufFile.open(path)) {
            return file.identity();
        }
    }

    @Test
    void whatChangesAFileChangesItsIdentity() throws IOException {
        FileTime then = FileTime.fromMillis(1_000_000);
        String first = identity("one", 0, then);

        assertThat(identity("one", 0, then)).isEqualTo(first);
        assertThat(identity("one", 1, then)).isNotEqualTo(first);
        assertThat(identity("one", (1 << 20) - 1, then)).isNotEqualTo(first);
        assertThat(identity("two", 0, then)).isNotEqualTo(first);
        assertThat(identity("one", 0, FileTime.fromMillis(2_000_000))).isNotEqualTo(first);
    }

    @Test
    void foldsHigherDimensionsIntoPlanes() {
        GgufWriter writer = new GgufWriter().tensor("bank", GgufTensorType.Q8_0,
                new byte[34 * 2 * 3 * 5 * 2], 64, 3, 5, 2);
        try (GgufFile file = open(writer)) {
            GgufTensor bank = file.find("bank").orElseThrow();
            assertThat(bank.shape()).isEqualTo(new TensorShape(10, 3, 64));
            assertThat(bank.elements()).isEqualTo(64 * 3 * 5 * 2);
            assertThat(file.blocks(bank).byteSize()).isEqualTo(34 * 2 * 3 * 5 * 2);
        }
    }

    @Test
    void readsVersionTwo() {
        try (GgufFile file = open(new GgufWriter().version(2).string("a", "b"))) {
            assertThat(file.version()).isEqualTo(2);
            assertThat(file.metadata().asMap()).containsExactlyEntriesOf(
                    Map.of("a", "b"));
        }
    }

    @Test
    void tensorsDieWithTheFile() {
        GgufFile file = open(new GgufWriter().tensor("t", GgufTensorType.F32, new byte[4], 1));
        MemorySegment blocks = file.blocks(file.find("t").orElseThrow());
        file.close();
        assertThatThrownBy(() -> blocks.get(ValueLayout.JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void saysWhereThereIsNoFile() throws IOException {
        Path missing = folder.resolve("missing.gguf");
        assertThatThrownBy(() -> GgufFile.open(missing)).isInstanceOf(GgufException.class)
                .hasMessage("there is no file " + missing);
        assertThatThrownBy(() -> GgufFile.open(folder)).isInstanceOf(GgufException.class)
                .hasMessageContaining("is not a file");
        Path empty = Files.createFile(folder.resolve("empty.gguf"));
        assertThatThrownBy(() -> GgufFile.open(empty)).isInstanceOf(GgufException.class)
                .hasMessageContaining("ends inside the magic number");
    }
}

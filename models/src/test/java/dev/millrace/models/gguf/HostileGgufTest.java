package dev.millrace.models.gguf;

import dev.millrace.models.fixtures.GgufWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

/**
 * Files that lie, each refused with its lie in the message. The lies are those of CVE-2025-53630,
 * CVE-2026-27940 and CVE-2026-7482 and their kin.
 */
class HostileGgufTest {

    private static final int F32 = GgufTensorType.F32.code();
    private static final byte[] FOUR_BYTES = new byte[4];

    @TempDir
    Path folder;

    private static Arguments lie(String name, Consumer<GgufWriter> lie, String... told) {
        return arguments(name, lie, told);
    }

    private static Stream<Arguments> headers() {
        return Stream.of(
                lie("another magic", w -> w.magic(0x7f454c46), "464c457f", "47475546"),
                lie("version 1", w -> w.version(1), "version 1", "2 and 3"),
                lie("version 4", w -> w.version(4), "version 4"),
                lie("version -1", w -> w.version(-1), "version 4294967295"),
                lie("big-endian", w -> w.version(3 << 24), "big-endian"),
                lie("2^63 tensors", w -> w.declareTensors(Long.MIN_VALUE),
                        "9223372036854775808 tensors"),
                lie("2^64 - 1 tensors", w -> w.declareTensors(-1), "18446744073709551615 tensors"),
                lie("more tensors than fit", w -> w.declareTensors(1_000_000),
                        "1000000 tensors", "hold at most"),
                lie("one tensor too many", w -> w.string("padding", " ".repeat(99))
                        .declareTensors(1), "tensor"),
                lie("2^63 - 1 entries", w -> w.declareEntries(Long.MAX_VALUE),
                        "9223372036854775807 metadata entries", "hold at most"),
                lie("one entry too many", w -> w.string("k", "value of some length")
                        .declareEntries(2), "a metadata key is empty"));
    }

    private static Stream<Arguments> metadata() {
        byte[] hugeLength = {-1, -1, -1, -1, -1, -1, -1, 127};
        byte[] negativeLength = {-1, -1, -1, -1, -1, -1, -1, -1};
        return Stream.of(
                lie("the same key twice", w -> w.string("general.name", "a")
                        .string("general.name", "b"), "\"general.name\"", "twice"),
                lie("an unknown type", w -> w.entry("k", 13, FOUR_BYTES), "\"k\"", "type 13"),
                lie("a negative type", w -> w.entry("k", -1, FOUR_BYTES), "type 4294967295"),
                lie("a boolean of 2", w -> w.entry("k", 7, new byte[]{2}), "\"k\"", "value 2"),
                lie("an integer beyond a long", w -> w.uint64("k", -1), "18446744073709551615"),
                lie("a string of 2^63 - 1 bytes", w -> w.entry("k", 8, hugeLength),
                        "\"k\"", "9223372036854775807 bytes"),
                lie("a string of 2^64 - 1 bytes", w -> w.entry("k", 8, negativeLength),
                        "18446744073709551615 bytes"),
                lie("a string longer than the file", w -> w.entry("k", 8,
                        new byte[]{0, 1, 0, 0, 0, 0, 0, 0}), "ends inside", "256 bytes"),
                lie("a key with control characters", w -> w.bool("k\u001b[31m", true),
                        "control characters", "k?[31m"),
                lie("a key without a name", w -> w.bool("", true), "key is empty"),
                lie("a key that is too long", w -> w.bool("k".repeat(1 << 16), true),
                        "65536 bytes", "65535"),
                lie("an array of 2^63 bytes", w -> w.array("k", 0, Long.MIN_VALUE, FOUR_BYTES),
                        "9223372036854775808 elements of", "\"k\""),
                lie("an array whose bytes overflow", w -> w.array("k", 10, 1L << 61, FOUR_BYTES),
                        "2305843009213693952 elements"),
                lie("an array longer than the file", w -> w.array("k", 4, 1000, FOUR_BYTES),
                        "1000 elements", "hold at most"),
                lie("strings longer than the file", w -> w.array("k", 8, 2,
                        new byte[]{0, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0}),
                        "ends inside a string of", "\"k\""),
                lie("an array of unknown type", w -> w.array("k", 77, 1, FOUR_BYTES), "type 77"),
                lie("an array of arrays", w -> w.array("k", 9, 1, new byte[32]),
                        "array of arrays"),
                lie("alignment 0", w -> w.uint32("general.alignment", 0), "alignment is 0"),
                lie("alignment 24", w -> w.uint32("general.alignment", 24), "alignment is 24",
                        "power of two"),
                lie("alignment 4", w -> w.uint32("general.alignment", 4), "at least 8"),
                lie("alignment -1", w -> w.entry("general.alignment", 11,
                        new byte[]{-1, -1, -1, -1, -1, -1, -1, -1}), "alignment is -1"),
                lie("alignment in words", w -> w.string("general.alignment", "32"),
                        "general.alignment", "integer"));
    }

    private static Stream<Arguments> tensors() {
        return Stream.of(
                lie("an unknown type", w -> w.tensorAt("t", 42, 0, FOUR_BYTES, 1), "\"t\"",
                        "type 42"),
                lie("a negative type", w -> w.tensorAt("t", -1, 0, FOUR_BYTES, 1),
                        "type 4294967295"),
                lie("a withdrawn type", w -> w.tensorAt("t", 31, 0, FOUR_BYTES, 1), "Q4_0_4_4",
                        "withdrawn"),
                lie("no dimensions", w -> w.tensorAt("t", F32, 0, FOUR_BYTES), "0 dimensions"),
                lie("five dimensions", w -> w.tensorAt("t", F32, 0, FOUR_BYTES, 1, 1, 1, 1, 1),
                        "5 dimensions", "1 to 4"),
                lie("an extent of 0", w -> w.tensorAt("t", F32, 0, FOUR_BYTES, 1, 0), "[1, 0]"),
                lie("a negative extent", w -> w.tensorAt("t", F32, 0, FOUR_BYTES, -1, -1),
                        "[-1, -1]"),
                lie("extents whose product overflows", w -> w.tensorAt("t", F32, 0, FOUR_BYTES,
                        1L << 32, 1L << 32), "product"),
                lie("extents whose product wraps to 4", w -> w.tensorAt("t", F32, 0, FOUR_BYTES,
                        (1L << 62) + 1, 4), "product"),
                lie("bytes that overflow", w -> w.tensorAt("t", F32, 0, FOUR_BYTES, 1L << 62),
                        "product"),
                lie("half a block", w -> w.tensorAt("t", 8, 0, new byte[34], 16), "rows of 16",
                        "multiple of 32"),
                lie("more bytes than the file", w -> w.tensorAt("t", F32, 0, FOUR_BYTES, 2),
                        "takes 8 bytes", "holds 4 bytes"),
                lie("an offset at the end", w -> w.tensorAt("t", F32, 32, FOUR_BYTES, 1),
                        "from offset 32"),
                lie("an offset that wraps", w -> w.tensorAt("t", F32, Long.MAX_VALUE - 31,
                        FOUR_BYTES, 1), "from offset 9223372036854775776"),
                lie("a negative offset", w -> w.tensorAt("t", F32, -32, FOUR_BYTES, 1),
                        "18446744073709551584"),
                lie("an offset off the alignment", w -> w.tensorAt("t", F32, 4, new byte[64], 1),
                        "offset 4", "alignment of 32"),
                lie("the same name twice", w -> w.tensor("t", GgufTensorType.F32, FOUR_BYTES, 1)
                        .tensor("t", GgufTensorType.F32, FOUR_BYTES, 1), "\"t\"", "twice"),
                lie("overlapping tensors", w -> w
                        .tensorAt("long", F32, 0, new byte[64], 16)
                        .tensorAt("short", F32, 32, FOUR_BYTES, 1), "\"long\"", "\"short\"",
                        "overlap"),
                lie("the same bytes twice", w -> w.tensorAt("a", F32, 0, FOUR_BYTES, 1)
                        .tensorAt("b", F32, 0, FOUR_BYTES, 1), "overlap"),
                lie("a name that is too long", w -> w.tensor("n".repeat(65), GgufTensorType.F32,
                        FOUR_BYTES, 1), "65 bytes", "64"),
                lie("no name", w -> w.tensor("", GgufTensorType.F32, FOUR_BYTES, 1),
                        "name is empty"),
                lie("a name with control characters", w -> w.tensor("n\n", GgufTensorType.F32,
                        FOUR_BYTES, 1), "control characters"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"headers", "metadata", "tensors"})
    void isRefusedByName(String name, Consumer<GgufWriter> lie, String... told) {
        GgufWriter writer = new GgufWriter();
        lie.accept(writer);
        Path path = writer.write(folder.resolve("hostile.gguf"));
        assertThatThrownBy(() -> GgufFile.open(path)).isInstanceOf(GgufException.class)
                .hasMessageContaining(path.toString()).hasMessageContainingAll(told)
                .hasNoCause();
    }

    @Test
    void isRefusedWhereverItIsCutOff() throws IOException {
        byte[] whole = new GgufWriter().string("name", "model").int32s("numbers", 1, 2, 3)
                .tensor("t", GgufTensorType.F32, FOUR_BYTES, 1).toBytes();
        Path path = folder.resolve("cut.gguf");
        for (int bytes = 0; bytes < whole.length; bytes++) {
            Files.write(path, Arrays.copyOf(whole, bytes));
            assertThatThrownBy(() -> GgufFile.open(path)).as("cut at " + bytes)
                    .isInstanceOf(GgufException.class)
                    .hasMessageMatching("(?s).*(ends inside|hold at most|holds \\d+ bytes).*");
        }
        try (GgufFile file = GgufFile.open(Files.write(path, whole))) {
            assertThat(file.tensors()).hasSize(1);
        }
    }

    @Test
    void isQuotedShortAndWithoutControlCharacters() {
        String name = "\u001b]0;owned\u0007".repeat(2000);
        Path path = new GgufWriter().string(name, "x").write(folder.resolve("quoted.gguf"));
        assertThatThrownBy(() -> GgufFile.open(path)).isInstanceOf(GgufException.class)
                .satisfies(e -> assertThat(e.getMessage().chars())
                        .noneMatch(Character::isISOControl).hasSizeLessThan(400));
    }
}

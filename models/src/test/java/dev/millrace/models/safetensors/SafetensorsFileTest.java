package dev.millrace.models.safetensors;

import dev.millrace.kernels.TensorShape;
import dev.millrace.models.fixtures.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class SafetensorsFileTest {

    @TempDir
    Path folder;

    @Test
    void readsEveryTensorWhereItLies() throws IOException {
        Path path = new SafetensorsWriter().floats("norm", new float[]{1, -2}, 2)
                .halves("weight", new float[]{1, 2, 3, 4, 5, 6}, 2, 3)
                .tensor("scalar", "I64", new byte[]{7, 0, 0, 0, 0, 0, 0, 0})
                .tensor("empty", "U8", new byte[0], 0, 5)
                .tensor("experts", "F8_E4M3", new byte[24], 2, 3, 4)
                .write(folder.resolve("m.safetensors"));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.metadata()).isEqualTo(Map.of("format", "pt"));
            assertThat(file.tensors()).extracting(SafetensorsTensor::name)
                    .containsExactly("norm", "weight", "scalar", "empty", "experts");
            SafetensorsTensor norm = file.find("norm").orElseThrow();
            assertThat(file.data(norm).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED))
                    .containsExactly(1, -2);
            assertThat(norm.shape()).isEqualTo(TensorShape.vector(2));
            assertThat(file.find("weight").orElseThrow().shape())
                    .isEqualTo(TensorShape.matrix(2, 3));
            assertThat(file.find("experts").orElseThrow().shape())
                    .isEqualTo(new TensorShape(2, 3, 4));
            assertThat(file.find("scalar").orElseThrow().dimensions()).isEmpty();
            assertThat(file.find("empty").orElseThrow().elements()).isZero();
            assertThat(file.find("nothing")).isEmpty();
            SafetensorsTensor empty = file.find("empty").orElseThrow();
            assertThatThrownBy(empty::shape).isInstanceOf(SafetensorsException.class)
                    .hasMessageContaining("[0, 5]");
        }
    }

    private void assertRefused(byte[] bytes, String message) throws IOException {
        Path path = Files.write(folder.resolve("hostile.safetensors"), bytes);
        assertThatThrownBy(() -> SafetensorsFile.open(path).close())
                .isInstanceOf(SafetensorsException.class).hasMessageContaining(path.toString())
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}  | takes 4 bytes, but 8 are its
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}} | truncated or damaged
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}  | truncated or damaged
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}    | two data_offsets
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}} | more than 2
            {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}} | 0 or more
            {"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}} | whole numbers
            {"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}} | beyond
            {"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}} | not JSON
            {"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}} | more than 8
            {"a":{"dtype":"Q4_9","shape":[2],"data_offsets":[0,8]}} | "Q4_9"; read are F64, F32
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}} | unknown property "x"
            {"a":{"dtype":"F32","shape":[2]}}                       | needs a dtype
            {"a":7}                                                 | instead of START_OBJECT
            {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  | last 4 bytes belong
            {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}  | one after the other
            {"__metadata__":{"a":1}}                                | metadata "a"
            {}{}                                                    | follows the header's last
            []                                                      | does not start with {
            {"a":                                                   | not JSON
            """)
    void refusesWhatTheFormatForbids(String json, String message) throws IOException {
        assertRefused(SafetensorsWriter.file(json, new byte[8]), message);
    }

    @Test
    void refusesTwoTensorsOfOneNameAndTwoThatOverlap() throws IOException {
        String one = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";
        assertRefused(SafetensorsWriter.file("{\"a\":" + one + ",\"a\":" + one + "}",
                new byte[4]), "uplicate");
        assertRefused(SafetensorsWriter.file("{\"a\":" + one + ",\"b\":" + one + "}",
                new byte[4]), "one after the other");
        String fields = one.replace("}", ",\"dtype\":\"F16\"}");
        assertRefused(SafetensorsWriter.file("{\"a\":" + fields + "}", new byte[4]), "uplicate");
    }

    @Test
    void refusesHeadersThatAreNotThere() throws IOException {
        assertRefused(new byte[5], "the header's length alone takes 8");
        assertRefused(new byte[]{-1, -1, -1, -1, -1, -1, -1, -1, '{', '}'},
                "18446744073709551615 bytes, but 2 follow");
        assertRefused(new byte[]{3, 0, 0, 0, 0, 0, 0, 0, '{', '}'}, "3 bytes, but 2 follow");
        assertRefused(new byte[8], "does not start with {");
        assertRefused(SafetensorsWriter.file("{\"a\":".repeat(100_000), new byte[0]), "not");
        assertRefused(SafetensorsWriter.file("{\"" + "a".repeat(100_000) + "\":1}", new byte[0]),
                "not JSON");
    }

    @Test
    void saysWhatIsNotAFile() {
        assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("none")))
                .hasMessageContaining("there is no file");
        assertThatThrownBy(() -> SafetensorsFile.open(folder)).hasMessageContaining("not a file");
    }

    @Test
    void aHeaderMayEndInBlanks() throws IOException {
        Path path = Files.write(folder.resolve("m.safetensors"), SafetensorsWriter.file(
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}   ", new byte[2]));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.find("a").orElseThrow().dimensions()).isEqualTo(List.of(2L));
        }
    }
}

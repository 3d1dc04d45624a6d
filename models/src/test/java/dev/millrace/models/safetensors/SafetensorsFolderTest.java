package dev.millrace.models.safetensors;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.fixtures.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class SafetensorsFolderTest {

    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";

    @TempDir
    Path folder;

    private void writeShards() throws IOException {
        new SafetensorsWriter().floats("a", new float[]{1, 2}, 2).write(folder.resolve(FIRST));
        new SafetensorsWriter().brainFloats("b", new float[]{3}, 1)
                .write(folder.resolve(SECOND));
    }

    private void writeIndex(String map) throws IOException {
        Files.writeString(folder.resolve(ShardIndex.FILE_NAME),
                "{\"metadata\":{\"total_size\":10.5},\"weight_map\":" + map + "}");
    }

    private void assertRefused(String message) {
        assertThatThrownBy(() -> SafetensorsFolder.open(folder).close())
                .isInstanceOf(SafetensorsException.class).hasMessageContaining(folder.toString())
                .hasMessageContaining(message);
    }

    @Test
    void opensOneFileWhateverItsName() throws IOException {
        new SafetensorsWriter().floats("a", new float[]{5}, 1)
                .write(folder.resolve("gptq_model-4bit.safetensors"));
        try (SafetensorsFolder files = SafetensorsFolder.open(folder)) {
            QuantTensor tensor = files.quantTensor(files.find("a").orElseThrow());
            assertThat(tensor.format()).isEqualTo(QuantFormat.F32);
            assertThat(tensor.data().isMapped()).isTrue();
        }
    }

    @Test
    void opensAllShards() throws IOException {
        writeShards();
        writeIndex("{\"b\":\"" + SECOND + "\",\"a\":\"" + FIRST + "\"}");
        try (SafetensorsFolder files = SafetensorsFolder.open(folder)) {
            assertThat(files.tensors()).extracting(SafetensorsTensor::name)
                    .containsExactly("b", "a");
            assertThat(files.data(files.find("a").orElseThrow()).byteSize()).isEqualTo(8);
            assertThat(files.quantTensor(files.find("b").orElseThrow()).format())
                    .isEqualTo(QuantFormat.BF16);
        }
    }

    @Test
    void namesAMissingShardAndAMissingTensor() throws IOException {
        writeShards();
        writeIndex("{\"a\":\"" + FIRST + "\",\"b\":\"model-00003-of-00003.safetensors\"}");
        assertRefused("names the file model-00003-of-00003.safetensors, which is not there");
        writeIndex("{\"a\":\"" + SECOND + "\"}");
        assertRefused("places tensor \"a\" in " + SECOND + ", which has no such tensor");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../secret.safetensors", "/etc/m.safetensors", "a/b.safetensors",
        "..\\\\m.safetensors", "C:m.safetensors", ".safetensors", "m.bin", "",
        "m\\u0000.safetensors", "..safetensors"})
    void refusesShardsThatAreNotPlainFilesBesideTheIndex(String name) throws IOException {
        writeShards();
        writeIndex("{\"a\":\"" + name + "\"}");
        assertRefused("not the plain name of a .safetensors file");
    }

    @Test
    void refusesIndexesWithoutSense() throws IOException {
        writeShards();
        writeIndex("{}");
        assertRefused("no weight_map");
        writeIndex("[]");
        assertRefused("not an object");
        writeIndex("{\"a\":1}");
        assertRefused("not a string");
        writeIndex("{\"a\":\"" + FIRST + "\",\"a\":\"" + SECOND + "\"}");
        assertRefused("uplicate");
        Files.writeString(folder.resolve(ShardIndex.FILE_NAME), "[[[[");
        assertRefused("not a JSON object");
    }

    @Test
    void refusesSeveralFilesWithoutAnIndex() throws IOException {
        writeShards();
        assertRefused("2 safetensors files but no " + ShardIndex.FILE_NAME);
    }

    @ParameterizedTest
    @ValueSource(strings = {"pytorch_model.bin", "model.pt", "consolidated.00.pth", "m.ckpt"})
    void refusesPickles(String name) throws IOException {
        Files.write(folder.resolve(name), new byte[]{(byte) 0x80, 2});
        assertRefused("pickled Python objects");
    }

    @Test
    void saysWhatAnEmptyDirectoryLacks() {
        assertRefused("neither model.safetensors nor");
        assertThatThrownBy(() -> SafetensorsFolder.open(folder.resolve("none")))
                .hasMessageContaining("there is no directory");
    }

    @Test
    void aCheckpointHasTheWeightsButNoIntegers() throws IOException {
        new SafetensorsWriter().floats("a", new float[]{1, 2}, 1, 2)
                .ints("positions", new int[]{1}, 1).write(folder.resolve("model.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(folder, null)) {
            assertThat(checkpoint.tensors()).extracting(CheckpointTensor::name)
                    .containsExactly("a");
            CheckpointTensor tensor = checkpoint.find("a").orElseThrow();
            assertThat(tensor.stored()).isEqualTo("F32");
            assertThat(checkpoint.read(tensor).shape()).isEqualTo(tensor.shape());
            assertThat(checkpoint.find("positions")).isEmpty();
        }
    }
}

package dev.millrace.models.gguf;

import dev.millrace.models.fixtures.GgufWriter;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class SplitGgufTest {

    private static final int PARTS = 3;

    @TempDir
    Path folder;

    @BeforeEach
    void writeParts() throws IOException {
        for (int part = 1; part <= PARTS; part++) {
            part(part, "tensor" + part).write(path(part));
        }
    }

    private Path path(int part) {
        return folder.resolve(String.format("m-%05d-of-%05d.gguf", part, PARTS));
    }

    private static GgufWriter part(int part, String tensor) {
        GgufWriter writer = new GgufWriter();
        if (part == 1) {
            writer.string("general.architecture", "llama");
        }
        return writer.uint32("split.no", part - 1).uint32("split.count", PARTS)
                .uint32("split.tensors.count", PARTS)
                .tensor(tensor, GgufTensorType.I8, new byte[]{(byte) part, 2, 3}, 3);
    }

    private void assertRefused(Path path, String... messages) {
        assertThatThrownBy(() -> GgufFile.open(path).close()).isInstanceOf(GgufException.class)
                .hasMessageContainingAll(messages);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void anyPartOpensAll(int given) {
        try (GgufFile file = GgufFile.open(path(given))) {
            assertThat(file.source()).endsWith("m-00001-of-00003.gguf");
            assertThat(file.metadata().requiredString("general.architecture")).isEqualTo("llama");
            assertThat(file.tensors()).extracting(GgufTensor::name).containsExactly("tensor1",
                    "tensor2", "tensor3");
            for (int part = 1; part <= PARTS; part++) {
                GgufTensor tensor = file.find("tensor" + part).orElseThrow();
                assertThat(file.blocks(tensor).get(ValueLayout.JAVA_BYTE, 0))
                        .isEqualTo((byte) part);
            }
        }
    }

    @Test
    void namesAPartThatIsMissing() throws IOException {
        Files.delete(path(2));
        assertRefused(path(3), "there is no file", "m-00002-of-00003.gguf", "part 2 of the 3");
        Files.delete(path(1));
        assertRefused(path(3), "m-00001-of-00003.gguf", "part 1 of the 3");
    }

    @Test
    void namesPartsInTheWrongOrder() throws IOException {
        Files.move(path(2), folder.resolve("other"));
        Files.move(path(3), path(2));
        Files.move(folder.resolve("other"), path(3));
        assertRefused(path(1), "m-00002-of-00003.gguf says that it is part 3 of 3",
                "its name says 2 of 3");
        assertRefused(path(3), "says that it is part 2 of 3");
    }

    @Test
    void namesAPartOfAnotherModel() throws IOException {
        part(2, "tensor1").write(path(2));
        assertRefused(path(1), "\"tensor1\" is in", "m-00001", "m-00002");
        new GgufWriter().uint32("split.no", 1).uint32("split.count", 4).write(path(2));
        assertRefused(path(1), "says that it is part 2 of 4");
        new GgufWriter().uint32("split.no", 1).uint32("split.count", PARTS).write(path(2));
        assertRefused(path(1), "has 3 tensors, but its parts have 2");
    }

    @Test
    void saysHowPartsMustBeNamed() throws IOException {
        Path renamed = folder.resolve("first.gguf");
        Files.copy(path(1), renamed, StandardCopyOption.REPLACE_EXISTING);
        assertRefused(renamed, "first.gguf is one of 3 parts", "NAME-00001-of-00003.gguf");
    }

    @Test
    void aNameAloneMakesNoPart() {
        Path single = folder.resolve("x-00002-of-00009.gguf");
        new GgufWriter().tensor("a", GgufTensorType.I8, new byte[1], 1).write(single);
        try (GgufFile file = GgufFile.open(single)) {
            assertThat(file.tensors()).hasSize(1);
        }
    }

    /** Every number of a part's header takes strange values: refused, or whole. */
    @Test
    void aBrokenPartIsRefusedOrUsableButNeverWorse() throws IOException {
        byte[] sound = Files.readAllBytes(path(2));
        Random random = new Random(7);
        int refused = 0;
        for (int round = 0; round < 2000; round++) {
            byte[] mutant = sound.clone();
            for (int i = 1 + random.nextInt(3); i > 0; i--) {
                mutant[random.nextInt(mutant.length - 3)] = (byte) (random.nextBoolean()
                        ? random.nextInt(256)
                        : random.nextInt(4));
            }
            Files.write(path(2), mutant);
            try (GgufFile file = GgufFile.open(path(1 + random.nextInt(PARTS)))) {
                file.tensors().forEach(tensor -> assertThat(file.blocks(tensor).byteSize())
                        .isEqualTo(tensor.bytes()));
            } catch (GgufException e) {
                assertThat(e).hasMessageContaining(folder.toString());
                refused++;
            }
        }
        assertThat(refused).isBetween(1000, 1990);
    }
}

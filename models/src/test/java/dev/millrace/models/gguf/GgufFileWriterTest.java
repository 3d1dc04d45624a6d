package dev.millrace.models.gguf;

import dev.millrace.kernels.TensorShape;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class GgufFileWriterTest {

    @TempDir
    private Path folder;

    @Test
    void whatIsWrittenIsRead() throws IOException {
        GgufFileWriter writer = new GgufFileWriter();
        writer.metadata().string("general.name", "written").uint32("answer", 42);
        writer.tensor("odd", GgufTensorType.F16, TensorShape.vector(3), piece -> {
            for (int i = 0; i < 3; i++) {
                piece.set(LittleEndian.SHORT, 2L * i, (short) (100 + i));
            }
        });
        writer.tensor("matrix", GgufTensorType.Q8_0, TensorShape.matrix(2, 64),
                piece -> piece.fill((byte) 7));

        try (GgufFile file = GgufFile.open(write(writer))) {
            assertThat(file.version()).isEqualTo(3);
            assertThat(file.metadata().string("general.name")).contains("written");
            assertThat(file.metadata().integer("answer")).contains(42L);
            GgufTensor odd = file.find("odd").orElseThrow();
            assertThat(odd.shape()).isEqualTo(TensorShape.vector(3));
            assertThat(file.blocks(odd).get(LittleEndian.SHORT, 4)).isEqualTo((short) 102);
            GgufTensor matrix = file.find("matrix").orElseThrow();
            assertThat(matrix.shape()).isEqualTo(TensorShape.matrix(2, 64));
            assertThat(file.blocks(matrix).toArray(ValueLayout.JAVA_BYTE)).hasSize(136)
                    .containsOnly(7);
        }
    }

    /** A piece is a whole number of blocks, and no byte is asked for twice. */
    @Test
    void aTensorThatIsLargerThanAPieceComesInPieces() throws IOException {
        int rows = 5000;
        GgufFileWriter writer = new GgufFileWriter();
        int[] blocks = {0};
        writer.tensor("large", GgufTensorType.Q4_K, TensorShape.matrix(rows, 2048), piece -> {
            assertThat(piece.byteSize()).isLessThanOrEqualTo(GgufFileWriter.PIECE_BYTES);
            for (long offset = 0; offset < piece.byteSize(); offset += 144) {
                piece.set(LittleEndian.INT, offset, blocks[0]++);
            }
        });

        try (GgufFile file = GgufFile.open(write(writer))) {
            var data = file.blocks(file.find("large").orElseThrow());
            assertThat(data.byteSize()).isEqualTo(rows * 8 * 144L);
            for (int block = 0; block < rows * 8; block++) {
                assertThat(data.get(LittleEndian.INT, block * 144L)).isEqualTo(block);
            }
        }
    }

    @Test
    void aTypeWithoutKernelsIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new GgufFileWriter().tensor("t",
                GgufTensorType.Q8_1, TensorShape.vector(256), piece -> {}))
                .withMessageContaining("tensor t would be Q8_1; types that can be written are");
    }

    private Path write(GgufFileWriter writer) throws IOException {
        Path path = folder.resolve("written.gguf");
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE)) {
            writer.write(channel);
        }
        assertThat(Files.size(path)).isEqualTo(writer.totalBytes());
        return path;
    }
}

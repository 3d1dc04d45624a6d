package dev.millrace.models.quantize;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import dev.millrace.models.ModelException;
import dev.millrace.models.fixtures.GgufWriter;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufTensor;
import dev.millrace.models.gguf.GgufTensorType;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class FileQuantizerTest {

    @TempDir
    Path folder;

    private Path tiny() {
        return TinyModels.llama().sizes(256, 512).heads(4, 2, 64).ropeFactors(true)
                .attentionBias(true).write(folder);
    }

    private Path quantize(Path in, String type, boolean pure, ImportanceMatrix importance,
            int threads) throws IOException {
        Path out = folder.resolve(type + threads + pure + ".gguf");
        try (GgufFile file = GgufFile.open(in);
                WorkerPool pool = WorkerPool.create(threads);
                FileChannel channel = FileChannel.open(out, StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE)) {
            FileQuantizer quantizer = new FileQuantizer(file, type, pure, importance, pool);
            List<Long> progress = new ArrayList<>();
            quantizer.write(channel, progress::add);
            assertThat(progress).isSorted().isNotEmpty();
            assertThat(Files.size(out)).isEqualTo(quantizer.totalBytes());
            assertThat(quantizer.typeCounts().values().stream().mapToInt(each -> each).sum())
                    .isEqualTo(file.tensors().size());
        }
        return out;
    }

    private static float[] values(QuantTensor tensor) {
        float[] values = new float[(int) tensor.shape().elements()];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }

    /** The roots of the squares of errors over those of the elements, the largest of all. */
    private static double largestError(Model before, Model after) {
        return before.tensors().stream().mapToDouble(entry -> {
            float[] expected = values(before.tensor(entry.name()));
            float[] actual = values(after.tensor(entry.name()));
            double errors = 0;
            double squares = 0;
            for (int i = 0; i < expected.length; i++) {
                errors += Math.pow(expected[i] - actual[i], 2);
                squares += Math.pow(expected[i], 2);
            }
            return Math.sqrt(errors / squares);
        }).max().orElseThrow();
    }

    @ParameterizedTest
    @CsvSource({"f16, 0.0005", "bf16, 0.004", "q8_0, 0.006", "q6_k, 0.02", "q5_k_m, 0.04",
        "q5_1, 0.04", "q5_0, 0.045", "q4_k_m, 0.08", "q4_0, 0.09", "q4_1, 0.08", "iq4_nl, 0.08",
        "mxfp4, 0.12", "q3_k_m, 0.16", "q2_k, 0.3"})
    void aModelIsTheSameButForItsTypes(String type, double mostError) throws IOException {
        Path in = tiny();
        Path out = quantize(in, type, false, null, 2);
        try (Model before = Model.open(in); Model after = Model.open(out)) {
            assertThat(after.spec()).isEqualTo(before.spec());
            assertThat(after.tokenizer().orElseThrow().encode("The end", true))
                    .isEqualTo(before.tokenizer().orElseThrow().encode("The end", true));
            assertThat(after.metadata()).containsAllEntriesOf(before.metadata())
                    .containsKey("general.file_type");
            assertThat(largestError(before, after)).isLessThan(mostError);
            assertThat(values(after.tensor("rope_freqs.weight")))
                    .isEqualTo(values(before.tensor("rope_freqs.weight")));
            assertThat(Files.size(out)).isLessThan(Files.size(in) * 6 / 10);
        }
    }

    @Test
    void threadsDoNotChangeAByte() throws IOException {
        Path in = tiny();
        assertThat(quantize(in, "q4_k_m", false, null, 3))
                .hasSameBinaryContentAs(quantize(in, "q4_k_m", false, null, 1));
    }

    @Test
    void whatIsOfTheTypeAlreadyIsCopied() throws IOException {
        Path in = TinyModels.llama().format(GgufTensorType.Q8_0).write(folder);
        Path out = quantize(in, "q8_0", false, null, 1);
        try (GgufFile before = GgufFile.open(in); GgufFile after = GgufFile.open(out)) {
            for (GgufTensor tensor : before.tensors()) {
                assertThat(after.blocks(after.find(tensor.name()).orElseThrow())
                        .toArray(ValueLayout.JAVA_BYTE))
                        .isEqualTo(before.blocks(tensor).toArray(ValueLayout.JAVA_BYTE));
            }
        }
    }

    /** Q8_0 blocks are 32 wide, those of Q2_K 256: pieces of one end within blocks of the other. */
    @Test
    void blocksOfDifferentWidthsMeetAnywhere() throws IOException {
        Path in = TinyModels.llama().sizes(256, 256).heads(4, 2, 64).format(GgufTensorType.Q2_K)
                .vocabularySize(20_000).write(folder);
        Path out = quantize(in, "q8_0", true, null, 2);
        try (Model before = Model.open(in); Model after = Model.open(out)) {
            assertThat(largestError(before, after)).isLessThan(0.006);
        }
    }

    @Test
    void importanceMovesBits() throws IOException {
        Path in = tiny();
        float[] columns = new float[256];
        Arrays.fill(columns, 1e-6f);
        Arrays.fill(columns, 0, 16, 1);
        GgufWriter writer = new GgufWriter().string("general.type", "imatrix");
        ByteBuffer sums = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
        sums.asFloatBuffer().put(columns);
        ByteBuffer count = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(2);
        Path matrix = writer.tensor("blk.0.attn_q.weight.in_sum2", GgufTensorType.F32,
                sums.array(), 256)
                .tensor("blk.0.attn_q.weight.counts", GgufTensorType.F32, count.array(), 1)
                .write(folder.resolve("imatrix.gguf"));
        ImportanceMatrix importance = ImportanceMatrix.read(matrix);
        assertThat(importance.find("blk.0.attn_q.weight")[3]).isEqualTo(0.5f);
        Path blind = quantize(in, "q4_0", true, null, 1);
        Path guided = quantize(in, "q4_0", true, importance, 2);
        try (Model exact = Model.open(in);
                Model one = Model.open(blind);
                Model other = Model.open(guided)) {
            assertThat(firstColumnsError(exact, other))
                    .isLessThan(0.95 * firstColumnsError(exact, one));
            assertThat(values(other.tensor("blk.0.attn_k.weight")))
                    .isEqualTo(values(one.tensor("blk.0.attn_k.weight")));
        }
    }

    private static double firstColumnsError(Model exact, Model rounded) {
        float[] expected = values(exact.tensor("blk.0.attn_q.weight"));
        float[] actual = values(rounded.tensor("blk.0.attn_q.weight"));
        double errors = 0;
        for (int i = 0; i < expected.length; i++) {
            errors += i % 256 < 16 ? Math.pow(expected[i] - actual[i], 2) : 0;
        }
        return errors;
    }

    @Test
    void readsTheOlderFormOfAnImportanceMatrix() throws IOException {
        byte[] name = "blk.0.attn_q.weight".getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putInt(1)
                .putInt(name.length).put(name).putInt(4).putInt(2).putFloat(8).putFloat(2);
        Path path = folder.resolve("imatrix.dat");
        Files.write(path, Arrays.copyOf(file.array(), file.position()));
        ImportanceMatrix matrix = ImportanceMatrix.read(path);
        assertThat(matrix.size()).isEqualTo(1);
        assertThat(matrix.find("blk.0.attn_q.weight")).containsExactly(2, 0.5f);
        assertThat(matrix.find("blk.0.attn_k.weight")).isNull();
        for (int cut = 0; cut < file.position(); cut++) {
            Files.write(path, Arrays.copyOf(file.array(), cut));
            assertThatThrownBy(() -> ImportanceMatrix.read(path))
                    .isInstanceOf(ModelException.class).hasMessageContaining("imatrix.dat");
        }
    }

    @Test
    void refusesWhatItCannotWrite() {
        assertThatThrownBy(() -> quantize(tiny(), "iq2_xxs", false, null, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("nothing is quantised to");
        assertThatThrownBy(() -> quantize(tiny(), "q9", false, null, 1))
                .hasMessageContaining("TYPE must be one of f32, f16");
    }
}

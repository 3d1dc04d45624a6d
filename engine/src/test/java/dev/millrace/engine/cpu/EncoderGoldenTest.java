package dev.millrace.engine.cpu;

import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.text.EncoderInput;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/**
 * A random BERT of two layers with what transformers 5.18 computes in float32: the mean of the last
 * states, to length one.
 */
@ParameterizedClass
@ValueSource(strings = {"scalar", "vector"})
class EncoderGoldenTest {

    private static final float TOLERANCE = 2e-6f;

    @Parameter
    String kernels;

    private EncoderModel model;
    private WorkerPool pool;
    private CpuEncoderPass pass;
    private final List<EncoderInput> texts = new ArrayList<>();
    private final List<float[]> expected = new ArrayList<>();

    @BeforeEach
    void open() throws IOException, URISyntaxException {
        Path folder = Path.of(EncoderGoldenTest.class.getResource("/tiny-bert/config.json")
                .toURI()).getParent();
        model = EncoderModel.open(folder);
        pool = WorkerPool.create(2);
        pass = new CpuEncoderPass(model,
                kernels.equals("scalar") ? CpuKernels.scalar() : CpuKernels.vector(), pool);
        JsonNode golden = JsonMapper.shared()
                .readTree(Files.readAllBytes(folder.resolve("golden.json")));
        for (JsonNode text : golden.path("texts")) {
            texts.add(EncoderInput.of(text.valueStream().mapToInt(JsonNode::asInt).toArray()));
        }
        for (JsonNode vector : golden.path("vectors")) {
            float[] values = new float[vector.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = vector.get(i).floatValue();
            }
            expected.add(values);
        }
    }

    @Test
    void whatIsForetoldIsWhatTheWeightsTake() {
        CpuKernels chosen = kernels.equals("scalar") ? CpuKernels.scalar() : CpuKernels.vector();
        try (CpuEncoderWeights weights = new CpuEncoderWeights(model, chosen, pool)) {
            long bytes = weights.tokenEmbedding.bytes()
                    + Float.BYTES * weights.positions.length + bytes(weights.embeddingNorm);
            for (CpuEncoderWeights.Layer layer : weights.layers) {
                bytes += bytes(layer.attentionNorm()) + bytes(layer.outputNorm());
                for (CpuLinear linear : List.of(layer.query(), layer.key(), layer.value(),
                        layer.attentionOutput(), layer.up(), layer.down())) {
                    bytes += linear.matrix().bytes() + Float.BYTES * linear.bias().length;
                }
            }
            assertThat(CpuEncoderPass.memoryNeeded(model, chosen, 2).weightBytes())
                    .isEqualTo(bytes);
        }
    }

    private static long bytes(CpuEncoderWeights.Norm norm) {
        return Float.BYTES * (norm.weight().length + norm.bias().length);
    }

    @AfterEach
    void close() {
        pass.close();
        pool.close();
        model.close();
    }

    @Test
    void computesWhatTransformersComputes() {
        float[][] vectors = pass.encode(texts);

        assertThat(vectors).hasNumberOfRows(expected.size());
        for (int i = 0; i < vectors.length; i++) {
            assertThat(vectors[i]).as("text %d", i).containsExactly(expected.get(i),
                    within(TOLERANCE));
        }
    }

    @Test
    void givesTheSameBitsAloneAndAmongOthers() {
        List<EncoderInput> many = new ArrayList<>();
        for (int i = 0; i < 60; i++) { // more tokens than a step takes
            many.addAll(texts);
        }
        float[][] together = pass.encode(many);

        for (int i = 0; i < texts.size(); i++) {
            float[] alone = pass.encode(List.of(texts.get(i)))[0];
            assertThat(together[i]).isEqualTo(alone);
            assertThat(together[together.length - texts.size() + i]).isEqualTo(alone);
        }
    }

    @Test
    void refusesTextsThatItCannotTake() {
        assertThatIllegalArgumentException().isThrownBy(() -> pass.encode(
                List.of(EncoderInput.of(new int[0]))))
                .withMessageContaining("from 1 to 24 tokens");
        assertThatIllegalArgumentException().isThrownBy(() -> pass.encode(
                List.of(EncoderInput.of(new int[25]))))
                .withMessageContaining("got 25");
        assertThatIllegalArgumentException().isThrownBy(
                () -> pass.encode(
                        List.of(EncoderInput.of(new int[]{1}), EncoderInput.of(new int[]{64}))))
                .withMessageContaining("there is no token 64");
        assertThat(pass.encode(List.of())).isEmpty();
    }
}

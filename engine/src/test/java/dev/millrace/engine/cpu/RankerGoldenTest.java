package dev.millrace.engine.cpu;

import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.text.EncoderInput;
import dev.millrace.models.text.PairTemplate;
import dev.millrace.models.text.Tokenizer;
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
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/**
 * Random cross-encoders of two layers, from two texts to the number that transformers 5.18 computes
 * in float32, tokens and their types by its tokenizers.
 */
@ParameterizedClass
@CsvSource({"bert, scalar", "bert, vector", "roberta, scalar", "roberta, vector"})
class RankerGoldenTest {

    private static final float TOLERANCE = 1e-5f;

    @Parameter(0)
    String family;
    @Parameter(1)
    String kernels;

    private EncoderModel model;
    private WorkerPool pool;
    private CpuEncoderPass pass;
    private JsonNode golden;

    @BeforeEach
    void open() throws IOException, URISyntaxException {
        Path folder = Path.of(RankerGoldenTest.class
                .getResource("/tiny-rankers/" + family + "/config.json").toURI()).getParent();
        model = EncoderModel.open(folder);
        pool = WorkerPool.create(2);
        pass = new CpuEncoderPass(model, chosen(), pool);
        golden = JsonMapper.shared().readTree(Files.readAllBytes(folder.resolve("golden.json")));
    }

    private CpuKernels chosen() {
        return kernels.equals("scalar") ? CpuKernels.scalar() : CpuKernels.vector();
    }

    @AfterEach
    void close() {
        pass.close();
        pool.close();
        model.close();
    }

    private List<EncoderInput> pairs() {
        Tokenizer tokenizer = model.tokenizer();
        PairTemplate template = tokenizer.pairs().orElseThrow();
        List<EncoderInput> pairs = new ArrayList<>();
        for (JsonNode pair : golden) {
            pairs.add(template.join(
                    tokenizer.encode(pair.path("query").stringValue(), false),
                    tokenizer.encode(pair.path("document").stringValue(), false)));
        }
        return pairs;
    }

    @Test
    void putsTextsTogetherAsTheirTokenizerDoes() {
        List<EncoderInput> pairs = pairs();
        for (int i = 0; i < pairs.size(); i++) {
            JsonNode expected = golden.get(i);
            int[] types = expected.path("types").valueStream().mapToInt(JsonNode::intValue)
                    .toArray();
            assertThat(pairs.get(i).tokens()).containsExactly(expected.path("tokens")
                    .valueStream().mapToInt(JsonNode::intValue).toArray());
            for (int token = 0; token < types.length; token++) {
                assertThat(token >= pairs.get(i).secondFrom()).isEqualTo(types[token] == 1);
            }
        }
    }

    @Test
    void scoresWhatTransformersScoresWhateverElseIsInTheStep() {
        float[][] together = pass.encode(pairs());

        assertThat(model.spec().scores()).isTrue();
        for (int i = 0; i < together.length; i++) {
            assertThat(together[i]).containsExactly(
                    new float[]{golden.get(i).path("logit").floatValue()}, within(TOLERANCE));
            assertThat(pass.encode(List.of(pairs().get(i)))[0]).isEqualTo(together[i]);
        }
    }

    @Test
    void whatIsForetoldCountsTheHeadAndTheMarks() {
        try (CpuEncoderWeights weights = new CpuEncoderWeights(model, chosen(), pool)) {
            int width = model.spec().embeddingSize();
            long layers = weights.layers.stream().mapToLong(layer -> 4L * 4 * width
                    + List.of(layer.query(), layer.key(), layer.value(), layer.attentionOutput(),
                            layer.up(), layer.down()).stream().mapToLong(
                                    linear -> linear.matrix()
                                            .bytes() + 4L * linear.bias().length)
                            .sum())
                    .sum();
            long marks = family.equals("bert") ? weights.secondPositions.length : 0;
            assertThat(weights.secondPositions == null).isEqualTo(!family.equals("bert"));
            assertThat(CpuEncoderPass.memoryNeeded(model, chosen(), 2).weightBytes())
                    .isEqualTo(layers + weights.tokenEmbedding.bytes() + 4L
                            * (weights.positions.length + marks + 2 * width + width * width
                                    + 2 * width + 1));
        }
    }
}

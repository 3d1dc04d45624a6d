package dev.millrace.models.quantize;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufTensorType;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

class QuantizedModelTest {

    @TempDir
    Path folder;

    private static float[] values(QuantTensor tensor) {
        float[] values = new float[(int) tensor.shape().elements()];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }

    @Test
    void weightsGetFewerBitsWhenTheyAreAskedFor() {
        Path path = TinyModels.llama().sizes(256, 512).attentionBias(true).write(folder);
        try (WorkerPool pool = WorkerPool.create(2);
                Model plain = Model.open(path);
                Model quantized = new QuantizedModel(Model.open(path), "q4_k_m", pool)) {
            Weights weights = quantized.weights();
            assertThat(weights.get(WeightRole.OUTPUT).format()).isEqualTo(QuantFormat.Q6_K);
            assertThat(weights.get(WeightRole.GATE, 0).format()).isEqualTo(QuantFormat.Q4_K);
            assertThat(weights.get(WeightRole.ATTENTION_NORM, 1).format())
                    .isEqualTo(QuantFormat.F32);
            assertThat(weights.get(WeightRole.QUERY_BIAS, 1).format()).isEqualTo(QuantFormat.F32);
            float[] exact = values(plain.weights().get(WeightRole.GATE, 0));
            float[] rounded = values(weights.get(WeightRole.GATE, 0));
            for (int i = 0; i < exact.length; i++) {
                assertThat(rounded[i]).isCloseTo(exact[i], within(0.02f));
            }
            assertThat(quantized.spec()).isEqualTo(plain.spec());
            assertThat(quantized.tokenizer()).isPresent();
        }
    }

    @Test
    void whatIsSmallStaysAsItIs() {
        Path path = TinyModels.llama().sizes(256, 512).format(GgufTensorType.Q4_0).write(folder);
        try (WorkerPool pool = WorkerPool.create(1);
                Model quantized = new QuantizedModel(Model.open(path), "q8_0", pool)) {
            QuantTensor gate = quantized.weights().get(WeightRole.GATE, 0);
            assertThat(gate.format()).isEqualTo(QuantFormat.Q4_0);
            assertThat(gate.data().isMapped()).isTrue();
        }
    }

    @Test
    void refusesTypesThatThereAreNot() {
        Path path = TinyModels.llama().write(folder);
        try (WorkerPool pool = WorkerPool.create(1); Model model = Model.open(path)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new QuantizedModel(model, "q9", pool))
                    .withMessageContaining("TYPE must be one of");
        }
    }
}

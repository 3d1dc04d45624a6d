package dev.millrace.bench.synth;

import dev.millrace.kernels.TensorShape;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.TensorMixture;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import dev.millrace.models.gguf.GgufTensorType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

import static dev.millrace.models.gguf.GgufTensorType.*;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

/** Expectations are what llama-quantize writes for models of these shapes. */
class TensorMixtureTest {

    private static final List<WeightRole> MATRICES = List.of(WeightRole.TOKEN_EMBEDDING,
            WeightRole.OUTPUT, WeightRole.QUERY, WeightRole.KEY, WeightRole.VALUE,
            WeightRole.ATTENTION_OUTPUT, WeightRole.GATE, WeightRole.UP, WeightRole.DOWN);

    private final ModelSpec tied = ModelShape.parse("llama-1b");
    private final ModelSpec untied = ModelShape.parse("llama-7b");

    private static GgufTensorType type(ModelSpec spec, String name, WeightRole role, int layer) {
        return TensorMixture.of(spec, name, false).type(role, layer,
                TensorShape.matrix(spec.embeddingSize(), spec.embeddingSize()));
    }

    private static GgufTensorType type(ModelSpec spec, String name, WeightRole role) {
        return type(spec, name, role, Weights.NO_LAYER);
    }

    private static List<Integer> layers(ModelSpec spec, String name, WeightRole role,
            GgufTensorType wanted) {
        List<Integer> found = new ArrayList<>();
        for (int layer = 0; layer < spec.layers(); layer++) {
            if (type(spec, name, role, layer) == wanted) {
                found.add(layer);
            }
        }
        return found;
    }

    @Test
    void mediumMixturesGiveMoreBitsToTheEdgesAndToEveryThirdLayer() {
        List<Integer> favoured = List.of(0, 1, 4, 7, 10, 13, 14, 15);
        for (WeightRole role : List.of(WeightRole.VALUE, WeightRole.DOWN)) {
            assertThat(layers(tied, "q4_k_m", role, Q6_K)).isEqualTo(favoured);
            assertThat(layers(tied, "q5_k_m", role, Q6_K)).isEqualTo(favoured);
        }
        assertThat(layers(tied, "q4_k_m", WeightRole.UP, Q4_K)).hasSize(16);
        assertThat(layers(tied, "q5_k_m", WeightRole.KEY, Q5_K)).hasSize(16);
    }

    @Test
    void smallMixturesFavourTheFirstLayers() {
        assertThat(layers(untied, "q4_k_s", WeightRole.DOWN, Q5_K)).containsExactly(0, 1, 2, 3);
        assertThat(layers(tied, "q4_k_s", WeightRole.VALUE, Q5_K)).containsExactly(0, 1, 2, 3);
    }

    @Test
    void theOutputHasSixBitsAndSoHasAnEmbeddingThatIsTheOutput() {
        assertThat(type(untied, "q4_0", WeightRole.OUTPUT)).isEqualTo(Q6_K);
        assertThat(type(untied, "q4_0", WeightRole.TOKEN_EMBEDDING)).isEqualTo(Q4_0);
        assertThat(type(tied, "q4_0", WeightRole.TOKEN_EMBEDDING)).isEqualTo(Q6_K);
        assertThat(type(untied, "q8_0", WeightRole.OUTPUT)).isEqualTo(Q8_0);
    }

    /** TinyLlama's published file: 130 IQ2_XXS, 22 Q4_K, 3 Q2_K, 1 Q5_K. */
    @Test
    void twoBitMixturesAreThoseOfAPublishedFile() {
        ModelSpec spec = ModelShape.parse("tinyllama");
        assertThat(layers(spec, "iq2_xxs", WeightRole.VALUE, Q4_K)).hasSize(22);
        assertThat(layers(spec, "iq2_xxs", WeightRole.DOWN, Q2_K)).containsExactly(0, 1);
        assertThat(layers(spec, "iq2_xxs", WeightRole.DOWN, IQ2_XXS)).hasSize(20);
        assertThat(type(spec, "iq2_xxs", WeightRole.TOKEN_EMBEDDING)).isEqualTo(Q2_K);
        assertThat(type(spec, "iq2_xxs", WeightRole.OUTPUT)).isEqualTo(Q5_K);
    }

    @Test
    void plainFloatsAreTheSameEverywhere() {
        for (WeightRole role : MATRICES) {
            assertThat(type(untied, "f16", role, 0)).isEqualTo(F16);
        }
    }

    @Test
    void vectorsAreFloatsInEveryMixture() {
        assertThat(TensorMixture.of(tied, "q8_0", false).type(WeightRole.ATTENTION_NORM, 0,
                TensorShape.vector(2048))).isEqualTo(F32);
        assertThat(TensorMixture.of(tied, "bf16", true).type(WeightRole.OUTPUT_NORM, 0,
                TensorShape.vector(2048))).isEqualTo(F32);
    }

    @Test
    void rowsThatFitNoWideBlockGetANarrowOne() {
        ModelSpec spec = ModelShape.parse("llama-135m");
        assertThat(type(spec, "q4_0", WeightRole.TOKEN_EMBEDDING)).isEqualTo(Q8_0);
        assertThat(type(spec, "q6_k", WeightRole.UP)).isEqualTo(Q8_0);
        assertThat(type(spec, "q4_k_m", WeightRole.UP)).isEqualTo(Q5_0);
        assertThat(type(spec, "iq2_xxs", WeightRole.UP)).isEqualTo(IQ4_NL);
    }

    @Test
    void routersBiasesAndOddRowsKeepTheirBits() {
        TensorShape shape = TensorShape.matrix(8, 256);
        TensorMixture mixture = TensorMixture.of(tied, "q4_k_m", false);
        assertThat(mixture.type("blk.0.ffn_gate_inp.weight", shape)).isEqualTo(F32);
        assertThat(mixture.type("blk.0.ffn_down_exps.bias", shape)).isEqualTo(F32);
        assertThat(mixture.type("blk.3.ffn_down_exps.weight", shape)).isEqualTo(Q4_K);
        assertThat(mixture.type("blk.4.ffn_down_exps.weight", shape)).isEqualTo(Q6_K);
        assertThat(mixture.type("blk.0.ffn_up.weight", TensorShape.matrix(8, 40)))
                .isEqualTo(F16);
    }

    @Test
    void threeAndTwoBitMixturesFavourValuesAndDownProjections() {
        assertThat(layers(tied, "q3_k_m", WeightRole.VALUE, Q5_K)).containsExactly(0, 1);
        assertThat(layers(tied, "q3_k", WeightRole.DOWN, Q5_K)).containsExactly(0);
        assertThat(layers(tied, "q3_k_l", WeightRole.ATTENTION_OUTPUT, Q5_K)).hasSize(16);
        assertThat(layers(untied, "q2_k", WeightRole.VALUE, Q3_K)).hasSize(32);
        assertThat(layers(tied, "q2_k", WeightRole.VALUE, Q4_K)).hasSize(16);
    }

    @Test
    void eightExpertsShareAttentionThatDeservesBits() {
        TensorMixture mixture = TensorMixture.of(new TensorMixture.Proportions(32, 4, 8, false),
                "q4_k_m", false);
        TensorShape shape = TensorShape.matrix(256, 256);
        assertThat(mixture.type(WeightRole.KEY, 5, shape)).isEqualTo(Q8_0);
        assertThat(mixture.type(WeightRole.VALUE, 5, shape)).isEqualTo(Q8_0);
        assertThat(mixture.type(WeightRole.ATTENTION_OUTPUT, 5, shape)).isEqualTo(Q5_K);
        assertThat(mixture.type(WeightRole.QUERY, 5, shape)).isEqualTo(Q4_K);
    }

    @Test
    void pureMeansEveryMatrix() {
        TensorMixture pure = TensorMixture.of(tied, "q2_K", true);
        for (WeightRole role : MATRICES) {
            assertThat(pure.type(role, 0, TensorShape.matrix(256, 256))).isEqualTo(Q2_K);
        }
    }

    @Test
    void aPlainKNameIsItsMediumMixture() {
        assertThat(type(tied, "Q4_K", WeightRole.DOWN, 0)).isEqualTo(Q6_K);
        assertThat(TensorMixture.of(tied, "q4_k", false).fileType()).isEqualTo(15);
    }

    @Test
    void anUnknownTypeIsRefusedWithWhatThereIs() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TensorMixture.of(tied, "q7_k_m", false))
                .withMessageContaining("TYPE must be one of f32, f16, bf16, q4_0,")
                .withMessageContaining("got \"q7_k_m\"");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TensorMixture.of(tied, "q4_k_m", true))
                .withMessageContaining("with --pure, TYPE must be one of F32, F16");
    }
}

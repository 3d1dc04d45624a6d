package dev.millrace.models.gguf;

import dev.millrace.kernels.QuantFormat;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

class GgufTensorTypeTest {

    @ParameterizedTest
    @EnumSource(GgufTensorType.class)
    void isFoundByItsNumber(GgufTensorType type) {
        assertThat(GgufTensorType.of(type.code())).contains(type);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 42, 100, Integer.MIN_VALUE, Integer.MAX_VALUE})
    void otherNumbersMeanNothing(int code) {
        assertThat(GgufTensorType.of(code)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(value = QuantFormat.class, names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
    void everyFormatOfTheKernelsHasATypeWithTheSameBlocks(QuantFormat format) {
        GgufTensorType type = GgufTensorType.valueOf(format.name());
        assertThat(type.format()).contains(format);
        assertThat(type.blockElements()).isEqualTo(format.blockElements());
        assertThat(type.blockBytes()).isEqualTo(format.blockBytes());
    }

    @Test
    void saysWhatThisVersionComputes() {
        assertThat(GgufTensorType.computable()).startsWith("F32, F16, ")
                .contains("IQ2_XXS", "NVFP4")
                .doesNotContain("Q8_1", "Q8_K");
        assertThat(GgufTensorType.Q4_2.removed()).isTrue();
        assertThat(GgufTensorType.Q4_1.removed()).isFalse();
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
    void agreesWithTheReferenceOnTheBlocksOfEveryType() {
        Path index = Path.of(System.getenv("MILLRACE_TEST_DATA"), "quant-types/index.json");
        JsonNode types = JsonMapper.shared().readTree(index).get("types");
        assertThat(types.size()).isEqualTo(26);
        types.properties().forEach(entry -> {
            GgufTensorType type = GgufTensorType.valueOf(entry.getKey());
            assertThat(type.code()).isEqualTo(entry.getValue().get("ggml_type").asInt());
            assertThat(type.blockElements())
                    .isEqualTo(entry.getValue().get("block_elements").asInt());
            assertThat(type.blockBytes()).isEqualTo(entry.getValue().get("block_bytes").asInt());
            assertThat(type.format()).as("%s is computed", type).isPresent();
        });
    }
}

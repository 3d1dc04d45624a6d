package dev.millrace.models;

import dev.millrace.models.fixtures.MixtureDirectory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.assertThat;

/** Whatever a config says, a directory opens or is refused in words: nothing else comes out. */
class HfMutationTest {

    private static final int MUTATIONS = 4000;
    /** Values of every kind, in place of whatever was there. */
    private static final List<String> VALUES = List.of("null", "true", "false", "0", "-1", "1",
            "2", "3", "4", "2147483647", "2147483648", "-9223372036854775808", "1e999", "0.5",
            "1e-50", "\"\"", "\"default\"", "\"yarn\"", "\"longrope\"", "\"llama3\"", "\"linear\"",
            "[]", "{}", "[1]", "[1,2,3,4]", "[null]", "[[]]", "{\"a\":1}", "1.7976931348623157e308",
            "123456789012345678901234567890", "\"\\u0000\\u001b[31m\"");
    /** Keys that some reader asks for and that the config may lack. */
    private static final List<String> KEYS = List.of("head_dim", "sliding_window", "layer_types",
            "rope_scaling", "rope_parameters", "rope_theta", "partial_rotary_factor",
            "no_rope_layers", "no_rope_layer_interval", "num_experts", "moe_intermediate_size",
            "mlp_only_layers", "decoder_sparse_step", "norm_topk_prob", "attention_bias",
            "query_pre_attn_scalar", "final_logit_softcapping", "embedding_multiplier",
            "logits_scaling", "swiglu_limit", "max_window_layers", "use_sliding_window",
            "sliding_window_pattern", "original_max_position_embeddings", "quantization_config",
            "shared_expert_intermediate_size", "qkv_bias", "attn_logit_softcapping");
    private static final List<String> TYPES = List.of("llama", "mistral", "mixtral", "qwen2",
            "qwen2_moe", "qwen3", "qwen3_moe", "gemma2", "gemma3_text", "phi3", "smollm3",
            "granite", "olmo2", "gpt_oss");

    private final Random random = new Random(11);
    private final JsonMapper json = JsonMapper.shared();
    private int opened;
    private int refused;

    @TempDir
    Path folder;

    @Test
    void everyMutationOpensOrIsRefusedInWords() throws IOException {
        MixtureDirectory.write(folder);
        Path file = folder.resolve("config.json");
        String original = Files.readString(file);
        for (int i = 0; i < MUTATIONS; i++) {
            byte[] mutated = i % 8 == 0 ? corrupted(original) : changed(original);
            Files.write(file, mutated);
            open(new String(mutated, StandardCharsets.UTF_8));
        }
        assertThat(opened).isPositive();
        assertThat(refused).isGreaterThan(MUTATIONS / 2);
    }

    private void open(String config) {
        try (Model model = Model.open(folder)) {
            assertThat(model.spec().layers()).isPositive();
            for (WeightRole role : WeightRole.values()) {
                model.weights().find(role, role.perLayer() ? 0 : Weights.NO_LAYER,
                        role.perExpert() ? 0 : Weights.NO_EXPERT);
            }
            opened++;
        } catch (ModelException e) {
            assertThat(e.getMessage()).isNotBlank().hasSizeLessThan(2000)
                    .doesNotContainPattern("[\\p{Cntrl}&&[^\\n]]");
            refused++;
        } catch (RuntimeException e) {
            throw new AssertionError("opening this config failed: " + config, e);
        }
    }

    /** One to three values are others, gone, or new. */
    private byte[] changed(String original) {
        ObjectNode config = (ObjectNode) json.readTree(original);
        if (random.nextInt(3) == 0) {
            config.put("model_type", TYPES.get(random.nextInt(TYPES.size())));
        }
        for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
            List<String> keys = new ArrayList<>(config.propertyNames());
            String key = random.nextBoolean()
                    ? keys.get(random.nextInt(keys.size()))
                    : KEYS.get(random.nextInt(KEYS.size()));
            if (random.nextInt(6) == 0) {
                config.remove(key);
            } else if (key.startsWith("rope_") && random.nextBoolean()) {
                config.set(key, ropeScaling());
            } else {
                config.set(key, value());
            }
        }
        return config.toString().getBytes(StandardCharsets.UTF_8);
    }

    private JsonNode value() {
        return json.readTree(VALUES.get(random.nextInt(VALUES.size())));
    }

    private ObjectNode ropeScaling() {
        ObjectNode scaling = json.createObjectNode();
        scaling.set("rope_type", json.readTree(List.of("\"yarn\"", "\"longrope\"", "\"llama3\"",
                "\"linear\"", "\"default\"").get(random.nextInt(5))));
        for (String key : List.of("factor", "low_freq_factor", "high_freq_factor",
                "original_max_position_embeddings", "short_factor", "long_factor", "beta_fast",
                "beta_slow", "attention_factor", "mscale", "mscale_all_dim", "truncate")) {
            if (random.nextBoolean()) {
                scaling.set(key, value());
            }
        }
        return scaling;
    }

    /** Some bytes are others, or the file ends early. */
    private byte[] corrupted(String original) {
        byte[] bytes = original.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 3; i++) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return random.nextBoolean()
                ? bytes
                : Arrays.copyOf(bytes, random.nextInt(bytes.length));
    }
}

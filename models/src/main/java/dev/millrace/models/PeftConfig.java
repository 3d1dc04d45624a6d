package dev.millrace.models;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/** What {@code adapter_config.json} says: refused unless the matrices alone are the change. */
final class PeftConfig {

    static final String FILE_NAME = "adapter_config.json";

    /** Ways to start that leave the base model as it is; others change it when they are read. */
    private static final Set<String> HARMLESS_STARTS = Set.of("gaussian", "eva", "orthogonal");
    /** Settings that, where they are set, change what is computed. */
    private static final Map<String, String> REFUSED = Map.of(
            "use_dora", "weight-decomposed adapters (DoRA)",
            "use_qalora", "QALoRA",
            "lora_bias", "biases of adapters",
            "modules_to_save", "whole modules beside the low-rank matrices",
            "trainable_token_indices", "new or changed token embeddings",
            "target_parameters", "adapters of experts' parameters",
            "alora_invocation_tokens", "adapters that begin in the middle (aLoRA)",
            "layer_replication", "repeated layers",
            "arrow_config", "routing between adapters");
    /** A module's name, or the end of one: PEFT reads these as patterns, and nobody writes any. */
    private static final Pattern MODULE = Pattern.compile("\\^?[A-Za-z0-9_.]+");

    private final Path file;
    private final boolean rootOfRank;
    private final float alpha;
    private final int rank;
    private final Map<String, Float> alphas;
    private final Map<String, Float> ranks;

    private PeftConfig(Path file, HfConfig config) {
        this.file = file;
        refuseVariants(config);
        rootOfRank = config.flag("use_rslora", false);
        alpha = config.requiredPositive("lora_alpha");
        rank = config.requiredSize("r");
        alphas = pattern(config, "alpha_pattern");
        ranks = pattern(config, "rank_pattern");
    }

    /** @throws ModelException if there is none, or it describes what this version does not apply */
    static PeftConfig read(Path directory) {
        Path file = directory.resolve(FILE_NAME);
        return new PeftConfig(file, HfConfig.read(file));
    }

    private void refuseVariants(HfConfig config) {
        String type = config.text("peft_type").orElse("LORA");
        if (!type.equals("LORA")) {
            throw config.wrong("peft_type", "\"LORA\", the only kind that this version applies");
        }
        if (!config.text("bias").orElse("none").equals("none")) {
            throw config.wrong("bias", "\"none\": this version changes no biases");
        }
        new TreeSet<>(REFUSED.keySet()).forEach(key -> {
            if (isSet(config.raw(key))) {
                throw config.wrong(key, "absent: this version does not apply " + REFUSED.get(key));
            }
        });
        JsonNode start = config.raw("init_lora_weights");
        if (start != null && start.isString() && !HARMLESS_STARTS.contains(start.stringValue())) {
            throw config.wrong("init_lora_weights", "true: this way to start changes the base"
                    + " model too; convert the adapter to a plain one when you save it");
        }
    }

    private static boolean isSet(JsonNode value) {
        return value != null && !value.isNull() && !(value.isBoolean() && !value.booleanValue())
                && !(value.isContainer() && value.isEmpty());
    }

    private Map<String, Float> pattern(HfConfig config, String key) {
        Map<String, Float> values = new LinkedHashMap<>();
        config.part(key).ifPresent(part -> part.asMap().keySet().forEach(module -> {
            if (!MODULE.matcher(module).matches()) {
                throw config.wrong(key, "an object whose keys are names of modules, not patterns");
            }
            values.put(module, part.requiredPositive(module));
        }));
        return values;
    }

    /**
     * The factor of a module's change.
     *
     * @param module as transformers names it
     * @param found  the rank of its matrices
     */
    float scale(String module, int found) {
        if (found != of(ranks, module, rank)) {
            throw new ModelException(file + " says that the rank of " + module + " is "
                    + Math.round(of(ranks, module, rank)) + ", but its matrices have rank " + found
                    + "; config and matrices do not belong together");
        }
        double divisor = rootOfRank ? Math.sqrt(found) : found;
        return (float) (of(alphas, module, alpha) / divisor);
    }

    /** The value of the first key that is the module's name or its end. */
    private static float of(Map<String, Float> values, String module, float otherwise) {
        for (Map.Entry<String, Float> entry : values.entrySet()) {
            String key = entry.getKey();
            boolean matches = key.startsWith("^")
                    ? module.equals(key.substring(1))
                    : module.equals(key) || module.endsWith("." + key);
            if (matches) {
                return entry.getValue();
            }
        }
        return otherwise;
    }
}

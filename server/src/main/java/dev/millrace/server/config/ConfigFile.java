package dev.millrace.server.config;

import dev.millrace.models.NearMisses;
import dev.millrace.models.store.FileProblems;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** Reads {@code millrace.yaml}. */
final class ConfigFile {

    /** The section about money, which the meter reads itself. */
    static final String COST = "cost";

    /** A list of models, instead of {@code model}. */
    private static final String MODELS = "models";

    private static final int MAX_BYTES = 1 << 20;
    private static final YAMLMapper YAML = YAMLMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private ConfigFile() {}

    /**
     * Puts the file's values into {@code settings}.
     *
     * @return the section {@code cost}, or null if there is none
     */
    static JsonNode read(Path file, Settings settings) {
        JsonNode root = parse(file);
        if (root.isMissingNode() || root.isNull()) {
            return null; // an empty file, or nothing but comments
        }
        if (!root.isObject()) {
            throw new ConfigException(file + " must hold keys and values such as \"port: 8080\"");
        }
        if (root.has(MODELS) && root.has(Setting.MODEL.key())) {
            throw new ConfigException("model and models are both in " + file
                    + "; put all models into models");
        }
        for (String key : root.propertyNames()) {
            if (key.equals(MODELS)) {
                putModels(file, root.get(key), settings);
            } else if (!key.equals(COST)) {
                put(file, key, root.get(key), settings);
            }
        }
        return root.get(COST);
    }

    private static void putModels(Path file, JsonNode list, Settings settings) {
        if (!list.isArray() || list.isEmpty() || !list.valueStream().allMatch(JsonNode::isString)) {
            throw new ConfigException("models in " + file
                    + " must be a list such as [tinyllama, big=/models/big.gguf]");
        }
        settings.put(Setting.MODEL, list.valueStream().map(JsonNode::asString)
                .collect(Collectors.joining("\n")), "models in " + file);
    }

    private static void put(Path file, String key, JsonNode value, Settings settings) {
        List<String> known = new ArrayList<>(Setting.keys());
        known.addAll(List.of(MODELS, COST));
        Setting setting = Setting.ofKey(key).orElseThrow(() -> new ConfigException("unknown key \""
                + key + "\" in " + file + NearMisses.hint(key, known) + " (known: "
                + String.join(", ", known) + ")"));
        if (value.isContainer() || value.isNull()) {
            throw new ConfigException(key + " in " + file + " must be a single value");
        }
        settings.put(setting, value.asString(), key + " in " + file);
    }

    private static JsonNode parse(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new ConfigException(file + " has more than " + MAX_BYTES + " bytes");
            }
            return YAML.readTree(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new ConfigException("cannot read " + file + ": " + FileProblems.describe(e), e);
        } catch (JacksonException e) {
            throw new ConfigException(file + " is not valid YAML" + (e.getLocation() == null
                    ? ""
                    : " at line " + e.getLocation().getLineNr()) + ": " + reason(e), e);
        }
    }

    /** The parser's message in one line: without its indented picture of where it stands. */
    private static String reason(JacksonException e) {
        return e.getOriginalMessage().lines()
                .filter(line -> !line.isBlank() && !line.startsWith(" "))
                .collect(Collectors.joining(", "));
    }
}

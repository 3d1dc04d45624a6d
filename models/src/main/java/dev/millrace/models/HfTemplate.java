package dev.millrace.models;

import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.template.TemplateException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * The chat template of a model directory: {@code chat_template.jinja}, or {@code chat_template} in
 * {@code tokenizer_config.json}, one text or several with names.
 *
 * @param template null if there is none
 * @param problem  why there is none; null where there is one
 */
record HfTemplate(ChatTemplate template, String problem) {

    private static final String FILE = "chat_template.jinja";
    private static final String CONFIG = "tokenizer_config.json";
    private static final String KEY = "chat_template";
    private static final long MOST_BYTES = 1L << 20;

    static HfTemplate read(Path directory) {
        try {
            Optional<String> source = source(directory);
            return source.isEmpty()
                    ? new HfTemplate(null, "the directory has no chat template")
                    : new HfTemplate(ChatTemplate.compile(source.get()), null);
        } catch (ModelException | TemplateException e) {
            return new HfTemplate(null, e.getMessage());
        }
    }

    private static Optional<String> source(Path directory) {
        Path file = directory.resolve(FILE);
        if (Files.isRegularFile(file)) {
            try {
                if (Files.size(file) > MOST_BYTES) {
                    throw new ModelException(file + " is larger than " + MOST_BYTES + " bytes");
                }
                return Optional.of(Files.readString(file));
            } catch (IOException e) {
                throw new ModelException("cannot read " + file + ": " + e.getMessage(), e);
            }
        }
        Path configFile = directory.resolve(CONFIG);
        if (!Files.isRegularFile(configFile)) {
            return Optional.empty();
        }
        HfConfig config = HfConfig.read(configFile);
        if (!config.has(KEY)) {
            return Optional.empty();
        }
        JsonNode templates = config.raw(KEY);
        if (templates.isArray()) {
            for (JsonNode named : templates) {
                if (named.path("name").asString("").equals("default")) {
                    return Optional.of(named.path("template").asString(""));
                }
            }
            throw config.wrong(KEY, "a text, or a list with one named \"default\"");
        }
        return config.text(KEY);
    }
}

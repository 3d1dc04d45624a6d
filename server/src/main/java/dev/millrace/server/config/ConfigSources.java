package dev.millrace.server.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * What was said in all places, unread: a value of the file is covered by one of the environment and
 * that by one of the command line.
 *
 * @param file the file that was read, if there was one
 * @param cost its section {@code cost}; null if there is none
 */
record ConfigSources(Settings settings, Optional<Path> file, JsonNode cost) {

    private static final String FILE_NAME = "millrace.yaml";

    /** See {@link ServerConfig#load}. */
    static ConfigSources collect(Map<String, String> environment, Path root, Optional<Path> file,
            Map<Setting, String> flags) {
        Settings settings = new Settings();
        JsonNode cost = null;
        Optional<Path> found = file.isPresent() ? file : find(root);
        if (found.isPresent()) {
            cost = ConfigFile.read(found.get(), settings);
        }
        for (Setting setting : Setting.values()) {
            String value = environment.getOrDefault(setting.variable(), "");
            if (!value.isBlank()) {
                settings.put(setting, value, setting.variable());
            }
        }
        flags.forEach((setting, value) -> settings.put(setting, value,
                setting == Setting.MODEL ? "MODEL" : setting.flag()));
        return new ConfigSources(settings, found, cost);
    }

    private static Optional<Path> find(Path root) {
        return List.of(Path.of(FILE_NAME), root.resolve(FILE_NAME)).stream()
                .filter(Files::isRegularFile).findFirst();
    }
}

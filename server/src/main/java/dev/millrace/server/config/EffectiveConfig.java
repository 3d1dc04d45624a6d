package dev.millrace.server.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * What applies, setting by setting, and whose word it is.
 *
 * @param file the file that was read, if there was one
 * @param cost its section {@code cost}, unread; null if there is none
 */
public record EffectiveConfig(Optional<Path> file, List<Entry> entries, JsonNode cost) {

    /** Names and passwords in addresses are nobody's business. */
    private static final Pattern USER = Pattern.compile("(://)[^/@\\s]+@");

    /**
     * One setting.
     *
     * @param value  as it was written; empty where there is none and no default. Names and
     *               passwords in addresses are masked
     * @param origin a key and file, a variable, a flag, or {@code default}
     */
    public record Entry(Setting setting, String value, String origin) {}

    /** Collects and checks; see {@link ServerConfig#load}. */
    public static EffectiveConfig load(Map<String, String> environment, Path root,
            Optional<Path> file, Map<Setting, String> flags) {
        ServerConfig.load(environment, root, file, flags);
        ConfigSources sources = ConfigSources.collect(environment, root, file, flags);
        SettingsReference reference = SettingsReference.read();
        List<Entry> entries = new ArrayList<>();
        for (Setting setting : Setting.values()) {
            SettingsReference.Described described = reference.of(setting);
            entries.add(sources.settings().given(setting)
                    .map(given -> new Entry(setting, masked(given.text()), given.origin()))
                    .orElseGet(() -> new Entry(setting,
                            described.given() ? described.value() : "", "default")));
        }
        return new EffectiveConfig(sources.file(), entries, sources.cost());
    }

    private static String masked(String value) {
        return USER.matcher(value).replaceAll("$1***@");
    }
}

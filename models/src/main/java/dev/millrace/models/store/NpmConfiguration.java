package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The part of npm's configuration that says where packages are and who we are there: the
 * environment, then {@code .npmrc} of the project, of the user and of the machine
 * (<a href="https://docs.npmjs.com/cli/configuring-npm/npmrc">npmrc</a>).
 */
final class NpmConfiguration {

    static final URI PUBLIC_REGISTRY = URI.create("https://registry.npmjs.org/");

    private static final int MAX_FILE_BYTES = 1 << 20;
    private static final String ENVIRONMENT_PREFIX = "npm_config_";
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]+)}");

    private final Map<String, String> values = new HashMap<>();

    private NpmConfiguration() {}

    /**
     * Reads what applies to a command started in {@code directory}.
     *
     * @param home the user's home directory
     */
    static NpmConfiguration load(Map<String, String> environment, Path home, Path directory) {
        Map<String, String> overrides = new HashMap<>();
        environment.forEach((name, value) -> {
            if (name.toLowerCase(Locale.ROOT).startsWith(ENVIRONMENT_PREFIX)) {
                String key = name.substring(ENVIRONMENT_PREFIX.length());
                // As in npm: credentials, whose names begin with an address, keep their case.
                overrides.put(key.startsWith("//") ? key : key.toLowerCase(Locale.ROOT), value);
            }
        });
        String userFile = overrides.getOrDefault("userconfig", home.resolve(".npmrc").toString());
        List<Path> weakestFirst = overrides.containsKey("globalconfig")
                ? List.of(Path.of(overrides.get("globalconfig")))
                : List.of(Path.of("/etc/npmrc"), Path.of("/usr/etc/npmrc"),
                        Path.of("/usr/local/etc/npmrc"));
        NpmConfiguration configuration = new NpmConfiguration();
        weakestFirst.forEach(file -> configuration.read(file, environment));
        configuration.read(Path.of(userFile), environment);
        configuration.read(directory.resolve(".npmrc"), environment);
        configuration.values.putAll(overrides);
        return configuration;
    }

    /** The registry of a package: its scope's own, or the one for everything. */
    URI registry(String packageName) {
        int slash = packageName.indexOf('/');
        String scoped = slash < 0
                ? null
                : values.get(packageName.substring(0, slash) + ":registry");
        String address = scoped != null ? scoped : values.get("registry");
        if (address == null || address.isBlank()) {
            return PUBLIC_REGISTRY;
        }
        try {
            URI uri = URI.create(address.endsWith("/") ? address : address + "/");
            if (uri.getHost() != null && List.of("http", "https").contains(uri.getScheme())) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            throw new ModelException("npm's configuration names the registry \"" + address
                    + "\", which is not an address: " + e.getMessage(), e);
        }
        throw new ModelException("npm's configuration names the registry \"" + address
                + "\"; it must be an http or https address");
    }

    /** The Authorization header for an address, from the longest path that has credentials. */
    Optional<String> authorization(URI uri) {
        String path = "//" + uri.getAuthority() + uri.getPath();
        for (int end = path.length(); end > 2; end = path.lastIndexOf('/', end - 1)) {
            String prefix = path.substring(0, end);
            for (String key : List.of(prefix + "/:", prefix + ":")) {
                String token = values.get(key + "_authToken");
                String basic = values.get(key + "_auth");
                if (token != null) {
                    return Optional.of("Bearer " + token);
                }
                if (basic != null) {
                    return Optional.of("Basic " + basic);
                }
            }
        }
        return Optional.empty();
    }

    private void read(Path file, Map<String, String> environment) {
        try {
            if (!Files.isRegularFile(file) || Files.size(file) > MAX_FILE_BYTES) {
                return;
            }
            for (String line : Files.readAllLines(file)) {
                String stripped = line.strip();
                int equals = stripped.indexOf('=');
                if (equals > 0 && !stripped.startsWith(";") && !stripped.startsWith("#")) {
                    String key = unquote(stripped.substring(0, equals).strip());
                    String value = unquote(stripped.substring(equals + 1).strip());
                    values.put(key, expand(value, environment));
                }
            }
        } catch (IOException e) {
            throw new ModelException("cannot read npm's configuration " + file + ": "
                    + e.getMessage(), e);
        }
    }

    private static String unquote(String text) {
        boolean quoted = text.length() >= 2 && text.charAt(0) == text.charAt(text.length() - 1)
                && (text.charAt(0) == '"' || text.charAt(0) == '\'');
        return quoted ? text.substring(1, text.length() - 1) : text;
    }

    /** Replaces ${NAME}; one that is not set stays, as npm leaves it. */
    private static String expand(String value, Map<String, String> environment) {
        return VARIABLE.matcher(value).replaceAll(match -> Matcher.quoteReplacement(
                environment.getOrDefault(match.group(1), match.group())));
    }
}

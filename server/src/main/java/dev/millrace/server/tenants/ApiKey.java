package dev.millrace.server.tenants;

import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What is known of a key, which is everything but the key itself.
 *
 * @param id                the part of it that may be shown
 * @param name              what its owner calls it
 * @param team              whom to bill; keys of one team share cached prefixes
 * @param project           what its requests are for, in reports and budgets; empty for none
 * @param role              what it may do
 * @param requestsPerMinute 0 for no limit
 * @param tokensPerMinute   of prompts and completions together; 0 for no limit
 * @param models            ids of the models that it may use; empty for all
 * @param createdMillis     since 1970
 * @param revokedMillis     since 1970; 0 while it is good
 */
public record ApiKey(String id, String name, String team, Optional<String> project, Role role,
        int requestsPerMinute, int tokensPerMinute, Set<String> models, long createdMillis,
        long revokedMillis) {

    /** What names of keys and teams may be, for messages. */
    public static final String ALLOWED_NAMES = "1 to 64 letters, digits, dots, dashes or"
            + " underscores";
    /** Most models that one key may be limited to. */
    public static final int MOST_MODELS = 256;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");
    private static final int MODEL_CHARS = 256;

    public ApiKey {
        Objects.requireNonNull(role, "role");
        requireName("name", name);
        requireName("team", team);
        project.ifPresent(one -> requireName("project", one));
        requireLimit("requests per minute", requestsPerMinute);
        requireLimit("tokens per minute", tokensPerMinute);
        models = Set.copyOf(models);
        if (models.size() > MOST_MODELS || models.stream()
                .anyMatch(model -> model.isBlank() || model.length() > MODEL_CHARS)) {
            throw new IllegalArgumentException("the models of a key must be at most " + MOST_MODELS
                    + " ids of 1 to " + MODEL_CHARS + " characters");
        }
    }

    /** A key without a project. */
    public ApiKey(String id, String name, String team, Role role, int requestsPerMinute,
            int tokensPerMinute, Set<String> models, long createdMillis, long revokedMillis) {
        this(id, name, team, Optional.empty(), role, requestsPerMinute, tokensPerMinute, models,
                createdMillis, revokedMillis);
    }

    private static void requireName(String what, String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("a key's " + what + " must be " + ALLOWED_NAMES
                    + ", got \"" + name + "\"");
        }
    }

    private static void requireLimit(String what, int limit) {
        if (limit < 0) {
            throw new IllegalArgumentException(what + " must be at least 1, or 0 for no limit, got "
                    + limit);
        }
    }

    /** Whether it is no longer good. */
    public boolean revoked() {
        return revokedMillis != 0;
    }

    /** Whether it may use the model of this id. */
    public boolean mayUse(String model) {
        return models.isEmpty() || models.contains(model);
    }
}

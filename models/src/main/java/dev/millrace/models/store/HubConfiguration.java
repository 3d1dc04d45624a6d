package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where the hub is and who we are there, by the variables and files that its own tools use.
 *
 * @param endpoint without a slash at its end
 * @param token    to send there, and nowhere else
 */
record HubConfiguration(URI endpoint, Optional<String> token) {

    static final URI PUBLIC_HUB = URI.create("https://huggingface.co");

    private static final int MAX_TOKEN_BYTES = 4096;

    /**
     * Reads {@code HF_ENDPOINT}, and the token from {@code HF_TOKEN} or the file that logging in
     * leaves ({@code HF_TOKEN_PATH}, {@code HF_HOME/token}, {@code ~/.cache/huggingface/token}).
     *
     * @param home the user's home directory
     */
    static HubConfiguration load(Map<String, String> environment, Path home) {
        return new HubConfiguration(endpoint(environment), token(environment, home));
    }

    /** The header for requests to the endpoint. */
    Optional<String> authorization() {
        return token.map(value -> "Bearer " + value);
    }

    private static URI endpoint(Map<String, String> environment) {
        String text = environment.getOrDefault("HF_ENDPOINT", "").strip().replaceFirst("/+$", "");
        if (text.isEmpty()) {
            return PUBLIC_HUB;
        }
        URI uri;
        try {
            uri = URI.create(text);
        } catch (IllegalArgumentException e) {
            throw new ModelException("HF_ENDPOINT is \"" + text + "\", which is not an address: "
                    + e.getMessage(), e);
        }
        boolean plain = uri.getHost() != null && uri.getRawUserInfo() == null
                && uri.getRawQuery() == null && uri.getRawFragment() == null;
        boolean safe = "https".equals(uri.getScheme())
                || "http".equals(uri.getScheme()) && ModelReference.isLoopback(uri);
        if (!plain || !safe) {
            throw new ModelException("HF_ENDPOINT is \"" + text + "\"; it must be an https address"
                    + " such as https://mirror.example (http only on this machine), and without"
                    + " user or query");
        }
        return uri;
    }

    private static Optional<String> token(Map<String, String> environment, Path home) {
        for (String name : List.of("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")) {
            String value = environment.getOrDefault(name, "").strip();
            if (!value.isEmpty()) {
                return Optional.of(sound(value, name));
            }
        }
        Path file = tokenFile(environment, home);
        try {
            if (Files.isRegularFile(file) && Files.size(file) <= MAX_TOKEN_BYTES) {
                return Optional.of(Files.readString(file).strip())
                        .filter(value -> !value.isEmpty())
                        .map(value -> sound(value, file.toString()));
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new ModelException("cannot read the hub's token: " + FileProblems.describe(e),
                    e);
        }
    }

    private static Path tokenFile(Map<String, String> environment, Path home) {
        if (!environment.getOrDefault("HF_TOKEN_PATH", "").isBlank()) {
            return Path.of(environment.get("HF_TOKEN_PATH"));
        }
        if (!environment.getOrDefault("HF_HOME", "").isBlank()) {
            return Path.of(environment.get("HF_HOME")).resolve("token");
        }
        String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
        return (cache.isBlank() ? home.resolve(".cache") : Path.of(cache)).resolve("huggingface")
                .resolve("token");
    }

    /** Says where a bad token is from without showing it. */
    private static String sound(String token, String source) {
        if (token.length() > MAX_TOKEN_BYTES || !token.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new ModelException("the token in " + source + " has blanks or other characters"
                    + " that no token has; copy it again from the hub's settings");
        }
        return token;
    }

    /** Never shows the token. */
    @Override
    public String toString() {
        return endpoint + (token.isPresent() ? " with a token" : "");
    }
}

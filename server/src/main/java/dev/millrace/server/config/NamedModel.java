package dev.millrace.server.config;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model that is to be served.
 *
 * @param name      what clients call it, where that was said
 * @param reference a name from the catalog, a path, a URL
 */
public record NamedModel(Optional<String> name, String reference) {

    /** A query of a URL has an equals sign too, but what is before it is no name. */
    private static final Pattern NAMED = Pattern.compile("([A-Za-z0-9._-]{1,64})=(.+)");
    private static final int MOST_MODELS = 64;

    /**
     * Reads {@code REFERENCE} or {@code NAME=REFERENCE}, one per line.
     *
     * @throws IllegalArgumentException if there are too many, or one comes twice
     */
    static List<NamedModel> parse(String text) {
        List<NamedModel> models = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (String line : text.lines().map(String::strip).filter(line -> !line.isEmpty())
                .toList()) {
            Matcher named = NAMED.matcher(line);
            NamedModel model = named.matches()
                    ? new NamedModel(Optional.of(named.group(1)), named.group(2).strip())
                    : new NamedModel(Optional.empty(), line);
            if (!seen.add(model.name.orElse(model.reference))) {
                throw new IllegalArgumentException(model.name.orElse(model.reference)
                        + " comes twice");
            }
            models.add(model);
        }
        if (models.size() > MOST_MODELS) {
            throw new IllegalArgumentException("at most " + MOST_MODELS + " models, got "
                    + models.size());
        }
        return List.copyOf(models);
    }
}

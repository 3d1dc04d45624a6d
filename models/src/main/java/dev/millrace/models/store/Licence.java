package dev.millrace.models.store;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;

/**
 * The terms of a model, as far as a name can tell them. Nothing here is legal advice; the licence
 * itself decides.
 *
 * @param id          as the model's publisher writes it: SPDX, the hub's own, or {@code unknown}
 * @param restriction what it keeps users from doing, in a sentence; empty for open licences
 */
public record Licence(String id, Optional<String> restriction) {

    /** Of a model that does not say. */
    public static final String UNKNOWN = "unknown";

    private static final int MAX_CHARACTERS = 64;
    private static final List<Terms> TABLE = table();

    /** One row of the table: all ids that the pattern matches, with the same terms. */
    private record Terms(String ids, String restriction) {

        boolean cover(String id) {
            return Pattern.matches(ids, id);
        }
    }

    /** What is known about a licence; one that is not known restricts, for all we know. */
    public static Licence of(String id) {
        String cleaned = cleaned(id);
        String key = cleaned.toLowerCase(Locale.ROOT).replaceAll("[ _]+", "-");
        for (Terms terms : TABLE) {
            if (terms.cover(key)) {
                return new Licence(cleaned, Optional.of(terms.restriction())
                        .filter(text -> !text.isEmpty()));
            }
        }
        String unread = cleaned.equals(UNKNOWN)
                ? "The model does not say what its licence is; read its card before you use it."
                : "Millrace does not know these terms; read them before you use the model.";
        return new Licence(cleaned, Optional.of(unread));
    }

    /** An id that is safe to show and to keep: one short line. */
    static String cleaned(String id) {
        String line = id.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
        String cut = line.length() > MAX_CHARACTERS ? line.substring(0, MAX_CHARACTERS) : line;
        return cut.isEmpty() ? UNKNOWN : cut;
    }

    private static List<Terms> table() {
        try (InputStream json = Licence.class.getResourceAsStream("licences.json")) {
            return List.of(JsonMapper.shared().readValue(json, Terms[].class));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the bundled table of licences", e);
        }
    }

    /** The id, and the restriction behind it where there is one. */
    @Override
    public String toString() {
        return id + restriction.map(text -> ": " + text).orElse("");
    }
}

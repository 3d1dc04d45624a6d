package dev.millrace.models.store;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
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

    private static final String GGUF_KEY = "general.license";
    private static final int MAX_CHARACTERS = 64;
    private static final int MAX_CARD_LINES = 1000;
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

    /**
     * What an opened model says about itself: a GGUF file in its metadata, a folder in the head of
     * its README.md.
     *
     * @param path     what was opened
     * @param metadata the model's own
     */
    public static Licence ofModel(Path path, Map<String, Object> metadata) {
        return metadata.get(GGUF_KEY) instanceof String id
                ? of(id)
                : of(Files.isDirectory(path) ? readCard(path.resolve("README.md")) : UNKNOWN);
    }

    /** The value of {@code license:} between the two lines of dashes that a card begins with. */
    private static String readCard(Path card) {
        try (Stream<String> lines = Files.lines(card)) {
            List<String> head = lines.limit(MAX_CARD_LINES).toList();
            if (head.isEmpty() || !head.getFirst().strip().equals("---")) {
                return UNKNOWN;
            }
            String licence = UNKNOWN;
            for (String line : head.subList(1, head.size())) {
                if (line.strip().equals("---")) {
                    break;
                }
                if (line.startsWith("license:") || line.startsWith("license_name:")
                        && licence.equals("other")) {
                    licence = line.substring(line.indexOf(':') + 1).strip()
                            .replaceAll("^[\"'\\[]+|[\"'\\]]+$", "");
                }
            }
            return licence;
        } catch (IOException | UncheckedIOException e) {
            return UNKNOWN; // no card, or none that is text
        }
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

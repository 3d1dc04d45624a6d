package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.NearMisses;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Chooses among the GGUF files of a repository, the parts of a split one taken together. */
final class GgufChoice {

    /** Taken where nothing else was asked for: the usual balance of size and quality. */
    private static final String USUAL = "Q4_K_M";

    private static final Pattern PART = Pattern.compile(
            "(.*)-(\\d{5})-of-(\\d{5})\\.gguf", Pattern.CASE_INSENSITIVE);
    /** Files that accompany a model: a projector for images, statistics for quantising. */
    private static final Pattern COMPANION = Pattern.compile(
            "(?i)(mmproj|imatrix)[-_.].*|.*[-_.](mmproj|imatrix)[-_.].*");

    private final HubListing listing;
    private final List<Option> options;

    /**
     * One model.
     *
     * @param stem  path without the ending that its parts differ in
     * @param files in order
     * @param parts how many there should be
     */
    private record Option(String stem, List<HubFile> files, int parts) {

        long bytes() {
            return files.stream().mapToLong(HubFile::bytes).sum();
        }

        /** Whether the file's name ends with a word, or a folder has that name. */
        boolean isCalled(String word) {
            String lower = stem.toLowerCase(Locale.ROOT);
            String wanted = word.toLowerCase(Locale.ROOT);
            return lower.equals(wanted) || lower.endsWith("/" + wanted)
                    || lower.endsWith("-" + wanted) || lower.endsWith("." + wanted)
                    || lower.endsWith("_" + wanted);
        }

        String shown() {
            String path = parts > 1 ? stem : files.getFirst().path();
            return path + " (" + ByteCounts.text(bytes())
                    + (parts > 1 ? " in " + parts + " parts" : "") + ")";
        }
    }

    GgufChoice(HubListing listing) {
        this.listing = listing;
        this.options = options(listing);
    }

    private static List<Option> options(HubListing listing) {
        Map<String, List<HubFile>> parts = new LinkedHashMap<>();
        Map<String, Integer> counts = new LinkedHashMap<>();
        for (HubFile file : listing.files()) {
            if (file.isGguf() && !COMPANION.matcher(file.name()).matches()) {
                Matcher part = PART.matcher(file.path());
                String stem = part.matches()
                        ? part.group(1) + " of " + part.group(3)
                        : file.path();
                parts.computeIfAbsent(stem, key -> new ArrayList<>()).add(file);
                counts.put(stem, part.matches() ? Integer.parseInt(part.group(3)) : 1);
            }
        }
        List<Option> options = new ArrayList<>();
        parts.forEach((stem, files) -> {
            files.sort(Comparator.comparing(HubFile::path));
            options.add(new Option(stem.replaceFirst("(?i)( of \\d{5}|\\.gguf)$", ""), files,
                    counts.get(stem)));
        });
        return options;
    }

    boolean isEmpty() {
        return options.isEmpty();
    }

    /** The usual one, or the only one. */
    HubChoice usual() {
        List<Option> usual = options.stream().filter(option -> option.isCalled(USUAL)).toList();
        if (usual.size() == 1) {
            return whole(usual.getFirst());
        }
        if (options.size() == 1) {
            return whole(options.getFirst());
        }
        throw new ModelException(listing.repository() + " has " + options.size()
                + " models; choose one, as in hf:" + listing.repository() + ":"
                + label(options.getFirst()) + ": " + shown());
    }

    /** The one that a pattern or a quantisation means; empty if there is none. */
    Optional<HubChoice> matching(String selector) {
        boolean pattern = selector.contains("*") || selector.contains("?");
        List<Option> found = options.stream().filter(option -> pattern
                ? option.files().stream().anyMatch(file -> matches(selector, file))
                : option.isCalled(selector)).toList();
        if (found.size() > 1) {
            throw new ModelException("\"" + selector + "\" means " + found.size() + " models of "
                    + listing.repository() + "; give the path of one: " + found.stream()
                            .map(option -> option.files().getFirst().path())
                            .collect(Collectors.joining(", ")));
        }
        return found.stream().findFirst().map(this::whole);
    }

    /** The model that a file belongs to; empty for a file that is no model. */
    Optional<HubChoice> of(HubFile file) {
        return options.stream().filter(option -> option.files().contains(file)).findFirst()
                .map(this::whole);
    }

    /** What there is, with sizes. */
    String shown() {
        return options.stream().sorted(Comparator.comparingLong(Option::bytes))
                .map(Option::shown).collect(Collectors.joining(", "));
    }

    /** What a mistyped quantisation may have meant. */
    String hint(String selector) {
        return NearMisses.hint(selector, options.stream().map(GgufChoice::label).toList());
    }

    private HubChoice whole(Option option) {
        if (option.files().size() != option.parts()) {
            throw new ModelException(listing.repository() + " has only " + option.files().size()
                    + " of the " + option.parts() + " parts of " + option.stem()
                    + "; choose another file");
        }
        for (int i = 0; i < option.parts() && option.parts() > 1; i++) {
            Matcher part = PART.matcher(option.files().get(i).path());
            if (!part.matches() || Integer.parseInt(part.group(2)) != i + 1) {
                throw new ModelException(listing.repository() + " lacks part " + (i + 1) + " of "
                        + option.stem() + "; choose another file");
            }
        }
        return new HubChoice(option.files(), false);
    }

    /** The quantisation in a file's name, or the whole name where it tells none. */
    private static String label(Option option) {
        Matcher label = Pattern.compile(
                "(?i)(?:^|.*[-._/])((?:UD-)?(?:I?Q\\d\\w*|TQ\\d\\w*|B?F16|F32|MXFP4\\w*))").matcher(
                        option.stem());
        return label.matches()
                ? label.group(1)
                : option.stem().substring(option.stem().lastIndexOf('/') + 1);
    }

    /** Shell patterns over the path, or over the name where the pattern has no slash. */
    private static boolean matches(String pattern, HubFile file) {
        String text = pattern.contains("/") ? file.path() : file.name();
        StringBuilder regex = new StringBuilder();
        for (char c : pattern.toCharArray()) {
            regex.append(c == '*' ? "[^/]*" : c == '?' ? "[^/]" : Pattern.quote("" + c));
        }
        return Pattern.compile(regex.toString(), Pattern.CASE_INSENSITIVE).matcher(text).matches();
    }
}

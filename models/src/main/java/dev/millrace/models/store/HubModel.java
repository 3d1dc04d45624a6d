package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model in a repository of the Hugging Face hub.
 *
 * @param repository {@code owner/name}
 * @param revision   a branch, a tag or a commit
 * @param selector   which of its files: a path, a pattern with {@code *} and {@code ?}, or a
 *                   quantisation such as {@code Q4_K_M}; empty for the usual choice
 */
record HubModel(String repository, String revision, Optional<String> selector)
        implements
            ModelReference {

    static final String DEFAULT_REVISION = "main";
    static final String SCHEME = "hf:";

    private static final String FORM = "hf:owner/repo, hf:owner/repo:Q4_K_M or"
            + " hf:owner/repo@revision:file.gguf";
    private static final String NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
    private static final Pattern REFERENCE = Pattern.compile(
            "(" + NAME + "/" + NAME + ")(?:@([^@:]{1,128}))?(?::(.{1,512}))?");
    private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_./-]*");
    private static final Set<String> HOSTS = Set.of("huggingface.co", "www.huggingface.co",
            "hf.co");
    /** What lies at the same place as repositories on the hub's web site. */
    private static final Set<String> OTHER_PAGES = Set.of("datasets", "spaces", "docs", "papers",
            "collections", "api", "blog");

    /** @param text what follows {@code hf:} */
    static HubModel parse(String text) {
        Matcher matcher = REFERENCE.matcher(text.strip());
        if (!matcher.matches()) {
            throw new ModelException("\"" + SCHEME + text + "\" is not a model of the hub; write "
                    + FORM);
        }
        return of(text, matcher.group(1), matcher.group(2), matcher.group(3));
    }

    private static HubModel of(String text, String repository, String revision, String selector) {
        String chosen = revision == null ? DEFAULT_REVISION : revision;
        if (!REVISION.matcher(chosen).matches() || climbs(chosen) || climbs(repository)
                || selector != null && climbs(selector)) {
            throw new ModelException("\"" + text + "\" has a part that is not a name; write "
                    + FORM);
        }
        return new HubModel(repository, chosen, Optional.ofNullable(selector));
    }

    private static boolean climbs(String path) {
        return path.startsWith("/") || path.contains("\\") || path.chars().anyMatch(c -> c < ' ')
                || Arrays.asList(path.split("/", -1)).contains("..");
    }

    /** Whether an address is one of the hub's own pages, as people copy them from a browser. */
    static boolean isPage(URI uri) {
        return uri.getHost() != null && HOSTS.contains(uri.getHost().toLowerCase(Locale.ROOT));
    }

    /** Reads {@code /owner/repo}, {@code /owner/repo/tree/rev} and {@code .../blob/rev/file}. */
    static HubModel parsePage(URI uri) {
        String[] parts = uri.getRawPath().replaceFirst("^/+", "").split("/+", 5);
        if (parts.length < 2 || OTHER_PAGES.contains(parts[0])) {
            throw new ModelException(uri + " is not the page of a model; write " + FORM);
        }
        String repository = decoded(parts[0]) + "/" + decoded(parts[1]);
        if (!repository.matches(NAME + "/" + NAME)) {
            throw new ModelException(uri + " is not the page of a model; write " + FORM);
        }
        boolean inside = parts.length > 3 && Set.of("tree", "blob", "resolve", "raw").contains(
                parts[2]);
        boolean file = inside && parts.length > 4 && !parts[4].isEmpty();
        if (file && parts[2].equals("tree")) {
            throw new ModelException(uri + " is a folder of a repository; name a file of it and"
                    + " write " + FORM);
        }
        return of(uri.toString(), repository, inside ? decoded(parts[3]) : null,
                file ? decoded(parts[4]) : null);
    }

    private static String decoded(String raw) {
        try {
            return URLDecoder.decode(raw.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new ModelException("\"" + raw + "\" is not the path of an address", e);
        }
    }

    /** What to call the model: the repository's name and what was chosen of it. */
    String stem() {
        String name = repository.substring(repository.indexOf('/') + 1)
                .replaceFirst("(?i)[._-]gguf$", "");
        if (selector.isEmpty()) {
            return name;
        }
        String chosen = selector.get().substring(selector.get().lastIndexOf('/') + 1);
        boolean file = chosen.toLowerCase(Locale.ROOT).endsWith(".gguf");
        return file ? chosen : name + "-" + chosen;
    }

    @Override
    public String toString() {
        return SCHEME + repository
                + (revision.equals(DEFAULT_REVISION) ? "" : "@" + revision)
                + selector.map(chosen -> ":" + chosen).orElse("");
    }
}

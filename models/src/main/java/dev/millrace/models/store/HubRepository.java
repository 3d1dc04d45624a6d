package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads repositories by the protocol of the Hugging Face hub: what a revision is at this moment,
 * what it holds, and where its files are
 * (<a href="https://huggingface.co/docs/hub/api">Hub API</a>).
 */
final class HubRepository {

    static final int MAX_FILES = 100_000;

    private static final int MAX_ANSWER_BYTES = 64 << 20;
    private static final int MAX_PAGES = 1000;
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
    private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern NEXT_PAGE = Pattern.compile("<([^>]*)>\\s*;\\s*rel=\"?next\"?");
    /** No control characters and nothing that some file system reads as a separator. */
    private static final Pattern UNSAFE = Pattern.compile("[\\p{Cntrl}\\\\:*?\"<>|]");

    private final HubConfiguration hub;
    private final HttpFetcher fetcher;
    private final Retries retries;

    HubRepository(HubConfiguration hub, HttpFetcher fetcher, Retries retries) {
        this.hub = hub;
        this.fetcher = fetcher;
        this.retries = retries;
    }

    /**
     * Pins a revision to its commit and lists that.
     *
     * @throws ModelException if there is no such repository or revision, or access to it is refused
     */
    HubListing list(HubModel model) throws InterruptedException {
        String api = hub.endpoint() + "/api/models/" + model.repository();
        JsonNode info = read(model, URI.create(api + "/revision/" + encoded(model.revision())))
                .json();
        String commit = info.path("sha").asString("");
        if (!COMMIT.matcher(commit).matches()) {
            throw new ModelException(hub.endpoint() + " does not say which commit " + model
                    + " is; is it a hub?");
        }
        List<HubFile> files = new ArrayList<>();
        URI page = URI.create(api + "/tree/" + commit + "?recursive=true");
        for (int pages = 0; page != null; pages++) {
            Page answer = read(model, page);
            if (!answer.json().isArray()) {
                throw new ModelException(page + " does not list files; is " + hub.endpoint()
                        + " a hub?");
            }
            for (JsonNode entry : answer.json()) {
                file(entry).ifPresent(files::add);
            }
            if (files.size() > MAX_FILES || pages >= MAX_PAGES) {
                throw new ModelException(model.repository() + " has more than " + MAX_FILES
                        + " files, which no model has");
            }
            page = answer.next().orElse(null);
        }
        return new HubListing(model.repository(), commit, licence(info), files);
    }

    /** Where a file of a listing is. */
    RemoteFile file(HubModel model, HubListing listing, HubFile file) {
        String path = Arrays.stream(file.path().split("/")).map(HubRepository::encoded)
                .collect(Collectors.joining("/"));
        URI uri = URI.create(hub.endpoint() + "/" + listing.repository() + "/resolve/"
                + listing.commit() + "/" + path);
        return new RemoteFile(uri, hub.authorization(), file.bytes(), file.digest(),
                file.path(), refusals(model));
    }

    /** The content of a small file. */
    byte[] content(HubModel model, HubListing listing, HubFile file) throws InterruptedException {
        RemoteFile remote = file(model, listing, file);
        return retries.run(remote.uri(), () -> fetcher.fetchOnce(remote, "*/*", MAX_ANSWER_BYTES)
                .body());
    }

    private record Page(JsonNode json, Optional<URI> next) {}

    private Page read(HubModel model, URI uri) throws InterruptedException {
        RemoteFile file = RemoteFile.answer(uri, hub.authorization(), model.toString(),
                refusals(model));
        HttpFetcher.Answer answer = retries.run(uri,
                () -> fetcher.fetchOnce(file, "application/json", MAX_ANSWER_BYTES));
        try {
            return new Page(JsonMapper.shared().readTree(answer.body()),
                    answer.headers().firstValue("Link").flatMap(link -> next(uri, link)));
        } catch (JacksonException e) {
            throw new ModelException(uri + " answered something other than JSON; is "
                    + hub.endpoint() + " a hub?", e);
        }
    }

    /** The next page's query at our own address, whatever host a mirror's answer still names. */
    private static Optional<URI> next(URI page, String link) {
        Matcher matcher = NEXT_PAGE.matcher(link);
        if (!matcher.find()) {
            return Optional.empty();
        }
        try {
            String query = URI.create(matcher.group(1)).getRawQuery();
            String path = page.toString().replaceFirst("\\?.*", "");
            return Optional.ofNullable(query).map(text -> URI.create(path + "?" + text));
        } catch (IllegalArgumentException e) {
            throw new ModelException(page + " names a next page that is not an address", e);
        }
    }

    private static Optional<HubFile> file(JsonNode entry) {
        String path = entry.path("path").asString("");
        long bytes = entry.path("lfs").path("size").asLong(entry.path("size").asLong(-1));
        boolean usable = entry.path("type").asString("file").equals("file") && bytes >= 0
                && isSafe(path);
        return usable
                ? Optional.of(new HubFile(path, bytes, digest(entry)))
                : Optional.empty();
    }

    /** Whether a path stays where it is put; what is not safe does not exist for us. */
    private static boolean isSafe(String path) {
        return !path.isEmpty() && path.length() <= 1024 && !UNSAFE.matcher(path).find()
                && Arrays.stream(path.split("/", -1)).noneMatch(segment -> segment.isEmpty()
                        || segment.equals(".") || segment.equals(".."));
    }

    private static Optional<ContentDigest> digest(JsonNode entry) {
        String large = entry.path("lfs").path("oid").asString("").toLowerCase(Locale.ROOT)
                .replaceFirst("^sha256:", "");
        String small = entry.path("oid").asString("").toLowerCase(Locale.ROOT);
        if (!entry.path("lfs").isMissingNode() && !entry.path("lfs").isNull()) {
            return Optional.of(large).filter(hex -> SHA_256.matcher(hex).matches())
                    .map(ContentDigest::sha256);
        }
        return Optional.of(small).filter(hex -> COMMIT.matcher(hex).matches())
                .map(ContentDigest::gitBlob);
    }

    /** The card's licence; where it is none of the hub's list, the name that the card gives it. */
    private static String licence(JsonNode info) {
        JsonNode card = info.path("cardData");
        JsonNode node = card.path("license");
        String licence = (node.isArray() ? node.path(0) : node).asString("");
        if (licence.isEmpty()) {
            for (JsonNode tag : info.path("tags")) {
                if (tag.asString("").startsWith("license:")) {
                    licence = tag.asString("").substring("license:".length());
                }
            }
        }
        String name = card.path("license_name").asString("");
        return Licence.cleaned(licence.equals("other") && !name.isEmpty() ? name : licence);
    }

    private Refusals refusals(HubModel model) {
        return new HubRefusals(hub, model.repository(), model.revision());
    }

    private static String encoded(String segment) {
        return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
    }
}

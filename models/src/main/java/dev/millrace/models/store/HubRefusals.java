package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.util.Optional;

/** What the hub means when it refuses: its header X-Error-Code tells more than the status. */
final class HubRefusals implements Refusals {

    private final HubConfiguration hub;
    private final String repository;
    private final String revision;

    HubRefusals(HubConfiguration hub, String repository, String revision) {
        this.hub = hub;
        this.repository = repository;
        this.revision = revision;
    }

    @Override
    public Optional<ModelException> explain(RemoteFile file, URI uri, int status,
            HttpHeaders headers) throws IOException {
        boolean ours = uri.getAuthority().equals(hub.endpoint().getAuthority());
        if (!ours && (status == 401 || status == 403)) {
            // Addresses of the hub's storage are signed for an hour; the next try gets a new one.
            throw new IOException(uri.getHost() + " does not take its address (any more)");
        }
        String page = hub.endpoint() + "/" + repository;
        String message = switch (headers.firstValue("X-Error-Code").orElse("")) {
            case "GatedRepo" -> gated(page, status);
            case "RepoNotFound" -> notFound(page, status);
            case "RevisionNotFound" -> repository + " has no revision \"" + revision
                    + "\"; see " + page + "/branches";
            case "EntryNotFound" -> repository + " has no " + file.label() + " at " + revision;
            case "DisabledRepo" -> repository + " was disabled by the hub; see " + page;
            default -> switch (status) {
                case 401 -> notFound(page, status);
                case 403 -> gated(page, status);
                case 404 -> notFound(page, status);
                default -> null;
            };
        };
        return Optional.ofNullable(message).map(ModelException::new);
    }

    private String gated(String page, int status) {
        String token = hub.token().isPresent()
                ? "the account of your token must accept the licence at " + page
                        + " (and the token must be allowed to read gated repositories)"
                : "accept the licence at " + page + " and set HF_TOKEN to a token of your account";
        return repository + " is gated (HTTP " + status + "): " + token;
    }

    private String notFound(String page, int status) {
        return "there is no repository " + repository + " that " + (hub.token().isPresent()
                ? "your token may read"
                : "can be read without a token")
                + " (HTTP " + status + "); check the spelling at " + page + (hub.token().isPresent()
                        ? ""
                        : ", or set HF_TOKEN if it is private or gated");
    }
}

package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.util.Optional;

/** Knows what a kind of server means when it refuses. */
interface Refusals {

    /** Of a server about which nothing is known. */
    Refusals PLAIN = (file, uri, status, headers) -> status == 401 || status == 403
            ? Optional.of(new ModelException(uri.getHost() + " refuses access to " + file.label()
                    + " (HTTP " + status + "); it wants credentials that the address does not"
                    + " carry"))
            : Optional.empty();

    /** Of a registry of npm packages. */
    Refusals NPM = (file, uri, status, headers) -> status == 401 || status == 403
            ? Optional.of(new ModelException(uri.getHost() + " refuses access to " + file.label()
                    + " (HTTP " + status + "); check the credentials for it, such as _authToken in"
                    + " ~/.npmrc"))
            : Optional.empty();

    /**
     * The refusal in a user's words; empty where the status says all.
     *
     * @param uri where the request got to, after redirects
     * @throws IOException if trying again may help
     */
    Optional<ModelException> explain(RemoteFile file, URI uri, int status, HttpHeaders headers)
            throws IOException;
}

package dev.millrace.server.http;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.KeyRing;
import dev.millrace.server.tenants.QuotaException;
import dev.millrace.server.tenants.RequestNotes;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import io.javalin.security.RouteRole;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntSupplier;

/**
 * Who may do what: every route is for admins unless it says otherwise, and what is no route is for
 * nobody without a key. As long as no key was ever made, this machine may do everything if the
 * server listens to it alone, and nobody may otherwise.
 */
final class AccessControl {

    private static final String BEARER = "Bearer ";
    private static final String AUTHORIZATION = "Authorization";
    /** What Anthropic's clients send. */
    private static final String API_KEY = "x-api-key";

    private final KeyRing keys;
    private final HostGuard hosts;
    private final IntSupplier metricsPort;
    private final boolean keepsText;

    /**
     * @param metricsPort the port whose callers may read metrics; 0 for none
     * @param keepsText   whether the log wants what clients write
     */
    AccessControl(KeyRing keys, HostGuard hosts, IntSupplier metricsPort, boolean keepsText) {
        this.keepsText = keepsText;
        this.metricsPort = metricsPort;
        this.keys = keys;
        this.hosts = hosts;
    }

    /**
     * Finds out whose request it is; before anything else of it is looked at.
     *
     * @throws ApiException 403 if it was addressed to another host or comes from a foreign page,
     *                      while no key protects the server
     */
    void identify(Context context) {
        if (context.req().getLocalPort() == metricsPort.getAsInt()) {
            own(context, Identity.METRICS);
            return;
        }
        if (keys.isEmpty()) {
            if (hosts.isLoopback()) {
                hosts.check(context);
                own(context, Identity.LOCAL);
            }
            return;
        }
        sentKey(context).flatMap(keys::find).ifPresent(identity -> own(context, identity));
    }

    private void own(Context context, Identity identity) {
        identity.noting(RequestNotes.begin(keepsText)).owns(context.req());
    }

    /**
     * Lets a request go on to its route, or not.
     *
     * @throws ApiException 401 without a good key, 403 with one that is not good for this route,
     *                      429 if its requests are used up
     */
    void authorize(Context context) {
        Set<RouteRole> allowed = context.routeRoles();
        if (allowed.contains(RouteAccess.ANYBODY)) {
            return;
        }
        Identity identity = require(context);
        boolean covered = allowed.isEmpty()
                ? RouteAccess.ADMINS.allows(identity.role())
                : allowed.stream().anyMatch(access -> access instanceof RouteAccess route
                        && route.allows(identity.role()));
        if (!covered) {
            throw ApiException.refused(403, null, "insufficient_permissions", "a key for "
                    + identity.role().word() + " is not good for " + context.method() + " "
                    + context.path());
        }
        try {
            if (context.method().equals(HandlerType.POST)) {
                identity.quota().takeRequest();
            }
            identity.quota().headers().forEach(context::header);
        } catch (QuotaException e) {
            identity.quota().headers().forEach(context::header);
            throw ApiException.limited(e);
        }
    }

    /** Whose request it is. @throws ApiException 401 if that cannot be told */
    Identity require(Context context) {
        return Identity.ifKnown(context.req()).orElseThrow(() -> {
            context.header("WWW-Authenticate", "Bearer");
            return ApiException.refused(401, null, "invalid_api_key", reason(context));
        });
    }

    private String reason(Context context) {
        if (keys.isEmpty()) {
            return "this server listens to more than its own machine and has no keys yet; make one"
                    + " there with ./millrace keys create";
        }
        return sentKey(context).isEmpty()
                ? "this server needs an API key, as \"Authorization: Bearer KEY\" or"
                        + " \"x-api-key: KEY\""
                : "the API key is unknown or has been revoked";
    }

    private static Optional<String> sentKey(Context context) {
        List<String> sent = Collections.list(context.req().getHeaders(AUTHORIZATION));
        if (sent.size() > 1) {
            return Optional.empty(); // whoever stands between could have meant the other one
        }
        if (sent.size() == 1 && sent.getFirst().regionMatches(true, 0, BEARER, 0,
                BEARER.length())) {
            return Optional.of(sent.getFirst().substring(BEARER.length()).strip());
        }
        return Optional.ofNullable(context.req().getHeader(API_KEY)).map(String::strip);
    }
}

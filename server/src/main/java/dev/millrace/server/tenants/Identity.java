package dev.millrace.server.tenants;

import dev.millrace.server.metering.budget.Payer;
import jakarta.servlet.ServletRequest;
import java.util.Optional;

/**
 * On whose behalf a request runs.
 *
 * @param tenant whom to bill and whom to be fair between
 * @param key    what the request came with; empty where none is needed
 * @param role   what it may do
 * @param quota  what it may use
 * @param notes  what is found out about the request
 */
public record Identity(String tenant, Optional<ApiKey> key, Role role, Quota quota,
        RequestNotes notes) {

    /** Whoever can reach a server that has no keys, which only this machine can. */
    public static final Identity LOCAL = new Identity("local", Optional.empty(), Role.ADMIN,
            Quota.UNLIMITED, RequestNotes.NONE);

    /** Whoever can reach the port for metrics. */
    public static final Identity METRICS = new Identity("metrics", Optional.empty(), Role.METRICS,
            Quota.UNLIMITED, RequestNotes.NONE);

    private static final String ATTRIBUTE = Identity.class.getName();

    static Identity of(ApiKey key, Quota quota) {
        return new Identity(key.team(), Optional.of(key), key.role(), quota, RequestNotes.NONE);
    }

    /** Whose request it is. @throws IllegalStateException if nobody has found out */
    public static Identity of(ServletRequest request) {
        return ifKnown(request).orElseThrow(() -> new IllegalStateException(
                "nobody has asked whose request this is"));
    }

    /** Whose request it is; empty if it came without a good key. */
    public static Optional<Identity> ifKnown(ServletRequest request) {
        return Optional.ofNullable((Identity) request.getAttribute(ATTRIBUTE));
    }

    /** The same for one request, about which something is noted. */
    public Identity noting(RequestNotes taken) {
        return new Identity(tenant, key, role, quota, taken);
    }

    /** Notes that a request is this one's. */
    public void owns(ServletRequest request) {
        request.setAttribute(ATTRIBUTE, this);
    }

    /** The id of the key, or null where none is needed. */
    public String keyId() {
        return key.map(ApiKey::id).orElse(null);
    }

    /** Whose budgets it draws on. */
    public Payer payer() {
        return new Payer(tenant, project(), key.map(ApiKey::name).orElse(null));
    }

    /** The project of the key, or null. */
    public String project() {
        return key.flatMap(ApiKey::project).orElse(null);
    }

    /** Whether the model of this id may be used. */
    public boolean mayUse(String model) {
        return key.isEmpty() || key.get().mayUse(model);
    }

    /**
     * The salt of cached prefixes: tenants share none, since how fast an answer comes would tell
     * one what the other has asked. A tenant's name has no line end, so no two can make the same.
     *
     * @param wanted the client's own salt, or an empty one
     */
    public String cacheSalt(String wanted) {
        return key.isEmpty() ? wanted : tenant + "\n" + wanted;
    }
}

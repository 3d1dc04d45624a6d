package dev.millrace.server.tenants;

import io.javalin.security.RouteRole;

/**
 * Who may call a route; each says so where it is registered. A route that does not is for admins.
 */
public enum RouteAccess implements RouteRole {
    /** Anybody, without a key: liveness, and pages that hold nothing. */
    ANYBODY,
    /** Keys of tenants and admins. */
    TENANTS,
    /** Keys for metrics and of admins. */
    METRICS,
    /** Keys of admins. */
    ADMINS;

    /** Whether keys of this role open it. */
    public boolean allows(Role role) {
        return switch (this) {
            case ANYBODY -> true;
            case TENANTS -> role == Role.TENANT || role == Role.ADMIN;
            case METRICS -> role == Role.METRICS || role == Role.ADMIN;
            case ADMINS -> role == Role.ADMIN;
        };
    }
}

package dev.millrace.server.store;

/** A file that is more than may be stored. */
public final class FileLimitException extends Exception {

    private static final long serialVersionUID = 1L;

    private final boolean ofTenant;

    private FileLimitException(String message, boolean ofTenant) {
        super(message);
        this.ofTenant = ofTenant;
    }

    static FileLimitException file(long most) {
        return new FileLimitException("a file may have at most " + most + " bytes", false);
    }

    static FileLimitException tenant(long most, long used) {
        return new FileLimitException("the files of a tenant may have " + most
                + " bytes together and yours have " + used + " without this one; delete some",
                true);
    }

    /** Whether it is for all files of the tenant, rather than for one. */
    public boolean ofTenant() {
        return ofTenant;
    }
}

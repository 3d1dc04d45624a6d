package dev.millrace.server.metering;

/** A request's id is in the ledger already, from another request. */
final class DuplicateRequestException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String requestId;

    DuplicateRequestException(String requestId) {
        super("request id " + requestId + " is in the ledger from an earlier request; ids must be"
                + " unique for all time");
        this.requestId = requestId;
    }

    String requestId() {
        return requestId;
    }
}

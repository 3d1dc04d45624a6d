package dev.millrace.server.http;

import dev.millrace.server.openai.wire.ApiException;
import java.nio.ByteBuffer;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** Puts what Jetty itself refuses, such as oversized headers, into the error envelope. */
final class JsonErrorHandler extends ErrorHandler {

    @Override
    protected void generateResponse(Request request, Response response, int code, String message,
            Throwable cause, Callback callback) {
        ApiException error = code < HttpStatus.INTERNAL_SERVER_ERROR_500
                ? ApiException.refused(code, null, "bad_request", reason(code, cause))
                : ApiException.failed("the server failed; see its log");
        response.setStatus(code);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.write(true, ByteBuffer.wrap(error.body()), callback);
    }

    /** Jetty's own words about a bad request are fit for clients; an exception's are not. */
    private static String reason(int code, Throwable cause) {
        String standard = HttpStatus.getMessage(code);
        return cause instanceof HttpException bad && bad.getReason() != null
                ? standard + ": " + bad.getReason()
                : standard;
    }

    @Override
    public boolean errorPageForMethod(String method) {
        return true;
    }
}

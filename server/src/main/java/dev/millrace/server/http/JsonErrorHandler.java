package dev.millrace.server.http;

import dev.millrace.server.openai.ApiException;
import java.nio.ByteBuffer;
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
                ? ApiException.refused(code, null, "bad_request", HttpStatus.getMessage(code))
                : ApiException.failed("the server failed; see its log");
        response.setStatus(code);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.write(true, ByteBuffer.wrap(error.body()), callback);
    }

    @Override
    public boolean errorPageForMethod(String method) {
        return true;
    }
}

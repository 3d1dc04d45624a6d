package dev.millrace.server.compatibility;

import dev.millrace.server.compatibility.EndpointCase.Parameter;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.Upload;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Finds out what becomes of a parameter: what a server refuses if it makes sense is refused; what
 * it takes even if it makes none has no effect.
 */
final class Probe {

    /** No parameter is like this. */
    private static final String NONSENSE = "[[{}]]";

    private final LiveServer server;
    private final Map<String, String> ids;

    /** @param ids of what is there, by their names in the cases */
    Probe(LiveServer server, Map<String, String> ids) {
        this.server = server;
        this.ids = ids;
    }

    enum Status {
        HONOURED,
        REQUIRED,
        REFUSED,
        NO_EFFECT
    }

    /** @param code of the refusal; empty for other ends */
    record Finding(Status status, String code) {}

    Finding find(EndpointCase endpoint, Parameter parameter) throws Exception {
        HttpResponse<String> made = send(endpoint, parameter.name(), parameter.value());
        if (made.statusCode() != 200) {
            return new Finding(Status.REFUSED, (made.statusCode() + " "
                    + code(made.body())).strip());
        }
        JsonNode nonsense = endpoint.sent().equals("json")
                ? LiveServer.json(NONSENSE)
                : LiveServer.json("\"" + NONSENSE + "\"");
        boolean checked = refuses(endpoint, parameter.name(), nonsense)
                || !endpoint.note("unchecked", parameter.name()).isMissingNode();
        if (!checked) {
            return new Finding(Status.NO_EFFECT, "");
        }
        return new Finding(endpoint.base().has(parameter.name())
                && refuses(endpoint, parameter.name(), null)
                        ? Status.REQUIRED
                        : Status.HONOURED,
                "");
    }

    /** Whether a value, or leaving the parameter out, is the client's mistake. */
    boolean refuses(EndpointCase endpoint, String name, JsonNode value) throws Exception {
        int status = send(endpoint, name, value).statusCode();
        if (status != 200 && status / 100 != 4) {
            throw new AssertionError(endpoint.endpoint() + " answers " + name + " = " + value
                    + " with " + status);
        }
        return status != 200;
    }

    private static String code(String body) {
        JsonNode error = LiveServer.json(body).get("error");
        return error.path("code").stringValue(error.path("type").stringValue(""));
    }

    /** @param value null to leave it out */
    private HttpResponse<String> send(EndpointCase endpoint, String name, JsonNode value)
            throws Exception {
        ObjectNode request = endpoint.base();
        endpoint.note("with", name).properties()
                .forEach(one -> put(request, one.getKey(), one.getValue()));
        if (value == null) {
            request.remove(name);
        } else {
            put(request, name, value);
        }
        return switch (endpoint.sent()) {
            case "form" -> server.send(Upload.form(server.uri("/"), pairs(request)).build());
            case "query" -> server.get(endpoint.path() + "?" + query(request));
            default -> server.send(HttpRequest.newBuilder(server.uri(endpoint.path()))
                    .header("Content-Type", "application/json")
                    .method(endpoint.method(), BodyPublishers.ofString(filled(request))).build());
        };
    }

    /** A dot leads into an object. */
    private static void put(ObjectNode request, String name, JsonNode value) {
        int dot = name.indexOf('.');
        if (dot < 0) {
            request.set(name, value);
        } else {
            request.withObject("/" + name.substring(0, dot)).set(name.substring(dot + 1), value);
        }
    }

    private String filled(ObjectNode request) {
        String text = new JsonMapper().writeValueAsString(request);
        for (Map.Entry<String, String> id : ids.entrySet()) {
            text = text.replace("\"" + id.getKey() + "\"", "\"" + id.getValue() + "\"");
        }
        return text;
    }

    /** As forms have them: an object's fields in brackets. */
    private static String[] pairs(ObjectNode request) {
        List<String> pairs = new ArrayList<>();
        request.properties().forEach(one -> {
            if (one.getValue().isObject()) {
                one.getValue().properties().forEach(inner -> {
                    pairs.add(one.getKey() + "[" + inner.getKey() + "]");
                    pairs.add(inner.getValue().asString());
                });
            } else {
                // What is no object is not spelled like one.
                pairs.add(one.getKey().equals("expires_after")
                        ? "expires_after[anchor]"
                        : one.getKey());
                pairs.add(one.getValue().asString());
            }
        });
        return pairs.toArray(String[]::new);
    }

    private String query(ObjectNode request) {
        StringBuilder query = new StringBuilder();
        request.properties().forEach(one -> query.append(one.getKey()).append('=')
                .append(URLEncoder.encode(ids.getOrDefault(one.getValue().asString(),
                        one.getValue().asString()), StandardCharsets.UTF_8))
                .append('&'));
        return query.toString();
    }
}

package dev.millrace.server.files;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import io.javalin.http.Context;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A page of a list, as OpenAI's clients ask for it.
 *
 * @param limit most of its entries
 * @param after the last entry of the page before; null for the first page
 */
public record Page(int limit, String after) {

    /** Reads {@code limit} and {@code after}. @throws ApiException 400 that names the one */
    public static Page of(Context context, int usual, int most) {
        String limit = context.queryParam("limit");
        if (limit == null) {
            return new Page(usual, context.queryParam("after"));
        }
        if (!limit.matches("\\d{1,6}") || Integer.parseInt(limit) < 1
                || Integer.parseInt(limit) > most) {
            throw ApiException.invalid("limit", "limit must be between 1 and " + most + ", got "
                    + Fields.shown(limit));
        }
        return new Page(Integer.parseInt(limit), context.queryParam("after"));
    }

    /** The page. @param found one entry more than it has, if there are more */
    public ObjectNode answer(List<ObjectNode> found) {
        ObjectNode answer = Json.object().put("object", "list");
        ArrayNode data = answer.putArray("data");
        found.stream().limit(limit).forEach(data::add);
        boolean empty = data.isEmpty();
        answer.put("first_id", empty ? "" : data.get(0).get("id").stringValue());
        answer.put("last_id", empty ? "" : data.get(data.size() - 1).get("id").stringValue());
        return answer.put("has_more", found.size() > limit);
    }
}

package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import io.javalin.http.Context;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A page of a response's input: {@code limit}, {@code order} and {@code after}. */
final class InputPage {

    private static final int USUAL = 20;
    private static final int MOST = 100;

    private InputPage() {}

    /** @throws ApiException 400 that names the parameter */
    static ObjectNode of(Context context, List<ObjectNode> items) {
        List<ObjectNode> ordered = ordered(context.queryParam("order"), items);
        String after = context.queryParam("after");
        int from = after == null ? 0 : position(ordered, after) + 1;
        int to = Math.min(ordered.size(), from + limit(context.queryParam("limit")));
        ObjectNode page = Json.object().put("object", "list");
        ArrayNode shown = page.putArray("data");
        ordered.subList(from, to).forEach(shown::add);
        return page.put("first_id", shown.isEmpty() ? "" : id(ordered.get(from)))
                .put("last_id", shown.isEmpty() ? "" : id(ordered.get(to - 1)))
                .put("has_more", to < ordered.size());
    }

    private static List<ObjectNode> ordered(String order, List<ObjectNode> items) {
        if (order == null || order.equals("desc")) {
            return new ArrayList<>(items).reversed();
        }
        if (order.equals("asc")) {
            return items;
        }
        throw ApiException.invalid("order", "order must be asc or desc, got \""
                + Fields.shown(order) + "\"");
    }

    private static int limit(String text) {
        try {
            int limit = text == null ? USUAL : Integer.parseInt(text);
            if (limit >= 1 && limit <= MOST) {
                return limit;
            }
        } catch (NumberFormatException e) {
            // The same complaint as about a number out of range.
        }
        throw ApiException.invalid("limit", "limit must be between 1 and " + MOST + ", got "
                + Fields.shown(text));
    }

    private static int position(List<ObjectNode> items, String id) {
        for (int i = 0; i < items.size(); i++) {
            if (id(items.get(i)).equals(id)) {
                return i;
            }
        }
        throw ApiException.invalid("after", "after must be the id of an item of this list, got \""
                + Fields.shown(id) + "\"");
    }

    private static String id(ObjectNode item) {
        return item.get("id").stringValue();
    }
}

package dev.millrace.server.metering;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a client says about its request for the reports.
 *
 * @param session which conversation or task it belongs to, or null
 * @param tags    names and values, in the order of their names
 */
public record RequestLabels(String session, SortedMap<String, String> tags) {

    /** Nothing. */
    public static final RequestLabels NONE = new RequestLabels(null, Map.of());

    private static final JsonMapper MAPPER = new JsonMapper();

    public RequestLabels {
        tags = Collections.unmodifiableSortedMap(new TreeMap<>(tags));
    }

    /** The same from tags in any order. */
    public RequestLabels(String session, Map<String, String> tags) {
        this(session, new TreeMap<>(tags));
    }

    /** As the ledger has them. @param tagsJson a JSON object of texts, or null for no tags */
    static RequestLabels stored(String session, String tagsJson) {
        if (session == null && tagsJson == null) {
            return NONE;
        }
        SortedMap<String, String> tags = new TreeMap<>();
        if (tagsJson != null) {
            for (Map.Entry<String, JsonNode> tag : MAPPER.readTree(tagsJson).properties()) {
                tags.put(tag.getKey(), tag.getValue().stringValue());
            }
        }
        return new RequestLabels(session, tags);
    }

    /** The tags as a JSON object, or null without any. */
    public String tagsJson() {
        if (tags.isEmpty()) {
            return null;
        }
        ObjectNode node = MAPPER.createObjectNode();
        tags.forEach(node::put);
        return node.toString();
    }
}

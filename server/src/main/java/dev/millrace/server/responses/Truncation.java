package dev.millrace.server.responses;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Leaves out the oldest of a conversation until the rest fits a model's context. What is left
 * begins with what a user said, so that no result is without its call; what instructs at the
 * beginning stays.
 */
final class Truncation {

    /** The part of the context that an answer gets where the request does not say. */
    private static final int ANSWER_SHARE = 4;

    private Truncation() {}

    /** Tokens that a prompt may have, for an answer of at most so many; 0 for any. */
    static int promptTokens(int contextTokens, int maxOutputTokens) {
        return contextTokens - (maxOutputTokens == 0
                ? contextTokens / ANSWER_SHARE
                : maxOutputTokens);
    }

    /**
     * Shortens a conversation by no more than needed; one whose last turn alone is too long keeps
     * that, for the engine to refuse.
     *
     * @param chat   a body of {@code /v1/chat/completions}
     * @param tokens counts the prompt of one
     */
    static void fit(ObjectNode chat, int mostTokens, ToIntFunction<ObjectNode> tokens) {
        if (tokens.applyAsInt(chat) <= mostTokens) {
            return;
        }
        ArrayNode all = (ArrayNode) chat.get("messages");
        List<Integer> starts = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i).get("role").stringValue().equals("user")) {
                starts.add(i);
            }
        }
        int low = 0; // the first turn that may be kept is between these two
        int high = starts.size() - 1;
        while (low < high) {
            int middle = (low + high) / 2;
            keep(chat, all, starts.get(middle));
            if (tokens.applyAsInt(chat) <= mostTokens) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if (!starts.isEmpty()) {
            keep(chat, all, starts.get(low));
        }
    }

    private static void keep(ObjectNode chat, ArrayNode all, int from) {
        ArrayNode kept = chat.putArray("messages");
        JsonNode first = all.get(0);
        if (from > 0 && first.get("role").stringValue().equals("system")) {
            kept.add(first);
        }
        for (int i = from; i < all.size(); i++) {
            kept.add(all.get(i));
        }
    }
}

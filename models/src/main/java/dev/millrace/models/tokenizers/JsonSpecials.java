package dev.millrace.models.tokenizers;

import dev.millrace.models.text.EndPieces;
import dev.millrace.models.text.SpecialTokens;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * The tokens with a meaning: from the "post_processor" of a tokenizer.json, and from
 * tokenizer_config.json and generation_config.json where they lie beside it.
 */
final class JsonSpecials {

    private static final int NONE = -1;
    /** What start tokens are called where no file says. */
    private static final List<String> START_PIECES = List.of("<|begin_of_text|>", "<bos>", "<s>",
            "[CLS]");
    /** Whose add_bos_token and add_eos_token change the post-processor. */
    private static final Set<String> FLAGGED_CLASSES = Set.of("LlamaTokenizer",
            "LlamaTokenizerFast", "GemmaTokenizer", "GemmaTokenizerFast", "CodeLlamaTokenizer",
            "CodeLlamaTokenizerFast");

    private final TokenizerJson json;
    private final Map<String, Integer> tokens;
    private final int size;
    private final JsonNode config;
    private final JsonNode generation;
    private int startToken = NONE;
    private int endToken = NONE;
    private boolean addsStart;
    private boolean addsEnd;

    /**
     * Reads nothing yet.
     *
     * @param tokens every piece and added token by its text
     * @param size   tokens in the vocabulary
     */
    JsonSpecials(TokenizerJson json, Map<String, Integer> tokens, int size, JsonNode config,
            JsonNode generation) {
        this.json = json;
        this.tokens = tokens;
        this.size = size;
        this.config = config;
        this.generation = generation;
    }

    SpecialTokens read(boolean stripsLeadingSpace) {
        readProcessor(json.header().path("post_processor"));
        int configuredStart = token(text(config.path("bos_token")));
        startToken = startToken == NONE ? configuredStart : startToken;
        boolean configured = !config.isEmpty();
        for (String piece : START_PIECES) {
            startToken = startToken == NONE && !configured ? token(piece) : startToken;
        }
        int configuredEnd = token(text(config.path("eos_token")));
        endToken = endToken == NONE ? configuredEnd : endToken;
        if (FLAGGED_CLASSES.contains(config.path("tokenizer_class").asString(""))) {
            addsStart = config.path("add_bos_token").asBoolean(addsStart) && startToken != NONE;
            addsEnd = config.path("add_eos_token").asBoolean(addsEnd) && endToken != NONE;
        }
        Set<Integer> endTokens = endTokens(configuredEnd);
        if (endToken == NONE && !endTokens.isEmpty()) {
            endToken = endTokens.stream().mapToInt(Integer::intValue).min().getAsInt();
        }
        return new SpecialTokens(startToken, endToken, endTokens, addsStart, addsEnd,
                stripsLeadingSpace,
                new JsonPairs(tokens, size).read(json.header().path("post_processor")));
    }

    private Set<Integer> endTokens(int configuredEnd) {
        Set<Integer> endTokens = new HashSet<>();
        endTokens.add(endToken);
        endTokens.add(configuredEnd);
        JsonNode ids = generation.path("eos_token_id");
        if (ids.isInt()) {
            endTokens.add(ids.asInt());
        }
        ids.forEach(id -> endTokens.add(id.asInt(NONE)));
        Set<String> added = new HashSet<>();
        json.header().path("added_tokens")
                .forEach(token -> added.add(token.path("content").asString("")));
        EndPieces.among(added::contains).forEach(piece -> endTokens.add(token(piece)));
        endTokens.removeIf(token -> token < 0 || token >= size);
        return endTokens;
    }

    private void readProcessor(JsonNode node) {
        String type = node.path("type").asString("");
        switch (type) {
            case "", "ByteLevel" -> {
                // Adds nothing.
            }
            case "Sequence" -> node.path("processors").forEach(this::readProcessor);
            case "TemplateProcessing" -> readTemplate(node);
            case "BertProcessing", "RobertaProcessing" -> {
                startToken = token(node.path("cls").path(0).asString(""));
                endToken = token(node.path("sep").path(0).asString(""));
                addsStart = startToken != NONE;
                addsEnd = endToken != NONE;
            }
            default -> throw json.unsupported("the post_processor \"" + type + "\"");
        }
    }

    private void readTemplate(JsonNode node) {
        boolean after = false;
        for (JsonNode part : node.path("single")) {
            if (part.has("Sequence")) {
                after = true;
                continue;
            }
            String name = part.path("SpecialToken").path("id").asString("");
            JsonNode ids = node.path("special_tokens").path(name).path("ids");
            boolean twice = after ? addsEnd : addsStart;
            if (ids.size() != 1 || !ids.path(0).isInt() || twice) {
                throw json.unsupported("a post_processor that puts more than one token at an end");
            }
            if (ids.path(0).asInt() < 0 || ids.path(0).asInt() >= size) {
                throw json.damaged("its post_processor puts the token " + ids.path(0)
                        + ", which does not exist");
            }
            if (after) {
                endToken = ids.path(0).asInt();
                addsEnd = true;
            } else {
                startToken = ids.path(0).asInt();
                addsStart = true;
            }
        }
    }

    /** A token's text: itself, or inside an object. */
    private static String text(JsonNode node) {
        return node.isObject() ? node.path("content").asString("") : node.asString("");
    }

    private int token(String piece) {
        return tokens.getOrDefault(piece, NONE);
    }
}

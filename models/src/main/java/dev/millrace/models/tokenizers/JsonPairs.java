package dev.millrace.models.tokenizers;

import dev.millrace.models.text.PairTemplate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/** How the "post_processor" of a tokenizer.json puts two texts together. */
final class JsonPairs {

    private static final int NONE = -1;

    private final Map<String, Integer> tokens;
    private final int size;

    /**
     * Reads nothing yet.
     *
     * @param tokens every piece and added token by its text
     * @param size   tokens in the vocabulary
     */
    JsonPairs(Map<String, Integer> tokens, int size) {
        this.tokens = tokens;
        this.size = size;
    }

    /** The template; empty if there is none, or one that this version cannot follow. */
    Optional<PairTemplate> read(JsonNode processor) {
        return switch (processor.path("type").asString("")) {
            case "Sequence" -> processor.path("processors").valueStream().map(this::read)
                    .flatMap(Optional::stream).findFirst();
            case "TemplateProcessing" -> template(processor);
            case "BertProcessing" -> fixed(processor, 1);
            case "RobertaProcessing" -> fixed(processor, 2);
            default -> Optional.empty();
        };
    }

    /** BERT's form or RoBERTa's, which separates twice and marks nothing. */
    private Optional<PairTemplate> fixed(JsonNode node, int separators) {
        int start = tokens.getOrDefault(node.path("cls").path(0).asString(""), NONE);
        int end = tokens.getOrDefault(node.path("sep").path(0).asString(""), NONE);
        return start == NONE || end == NONE
                ? Optional.empty()
                : Optional.of(new PairTemplate(new int[]{start},
                        IntStream.generate(() -> end).limit(separators).toArray(), new int[]{end},
                        separators == 1));
    }

    private Optional<PairTemplate> template(JsonNode node) {
        List<List<Integer>> around = List.of(new ArrayList<>(), new ArrayList<>(),
                new ArrayList<>());
        int texts = 0;
        boolean typed = false;
        for (JsonNode part : node.path("pair")) {
            boolean text = part.has("Sequence");
            JsonNode piece = part.path(text ? "Sequence" : "SpecialToken");
            String name = piece.path("id").asString("");
            boolean second = piece.path("type_id").asInt(0) == 1;
            if (text) {
                if (texts == 2 || !name.equals(texts == 0 ? "A" : "B")) {
                    return Optional.empty();
                }
                texts++;
                typed = texts == 2 && second;
            } else {
                if (!addIds(node.path("special_tokens").path(name).path("ids"),
                        around.get(texts))) {
                    return Optional.empty();
                }
            }
            if (second != (texts == 2 && typed)) {
                return Optional.empty(); // marked elsewhere than at the second text
            }
        }
        return texts == 2
                ? Optional.of(new PairTemplate(ids(around.get(0)), ids(around.get(1)),
                        ids(around.get(2)), typed))
                : Optional.empty();
    }

    private boolean addIds(JsonNode ids, List<Integer> to) {
        for (JsonNode id : ids) {
            int token = id.asInt(NONE);
            if (token < 0 || token >= size) {
                return false;
            }
            to.add(token);
        }
        return true;
    }

    private static int[] ids(List<Integer> tokens) {
        return tokens.stream().mapToInt(Integer::intValue).toArray();
    }
}

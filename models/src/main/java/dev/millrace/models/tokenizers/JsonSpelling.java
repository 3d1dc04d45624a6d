package dev.millrace.models.tokenizers;

import dev.millrace.models.text.TokenSpelling;
import tools.jackson.databind.JsonNode;

/**
 * The "decoder" of a tokenizer.json.
 *
 * @param stripsLeadingSpace whether a decoded text loses its first space
 */
record JsonSpelling(TokenSpelling spelling, boolean stripsLeadingSpace) {

    static JsonSpelling read(TokenizerJson json, boolean byteLevel) {
        JsonNode node = json.header().path("decoder");
        if (byteLevel) {
            return new JsonSpelling(TokenSpelling.BYTE_LEVEL, false);
        }
        boolean strips = false;
        for (JsonNode step : node.path("type").asString("").equals("Sequence")
                ? node.path("decoders")
                : json.header().arrayNode().add(node)) {
            String type = step.path("type").asString("");
            switch (type) {
                case "", "Replace", "ByteFallback", "Fuse" -> {
                    // What pieces spell says it already.
                }
                case "Strip" -> strips |= step.path("start").asInt(0) > 0;
                case "Metaspace" -> strips |= !step.path("prepend_scheme")
                        .asString(
                                step.path("add_prefix_space").asBoolean(true) ? "always" : "never")
                        .equals("never");
                case "WordPiece" -> {
                    return new JsonSpelling(TokenSpelling.WORD_PIECE, true);
                }
                default -> throw json.unsupported("the decoder \"" + type + "\"");
            }
        }
        return new JsonSpelling(TokenSpelling.SENTENCE_PIECE, strips);
    }
}

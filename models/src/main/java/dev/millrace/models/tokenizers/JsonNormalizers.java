package dev.millrace.models.tokenizers;

import dev.millrace.models.text.BertNormalizer;
import dev.millrace.models.text.PrecompiledMap;
import dev.millrace.models.text.TextNormalizer;
import dev.millrace.models.text.TextNormalizers;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The "normalizer" of a tokenizer.json. */
final class JsonNormalizers {

    private final TokenizerJson json;

    JsonNormalizers(TokenizerJson json) {
        this.json = json;
    }

    TextNormalizer read() {
        return read(json.header().path("normalizer"));
    }

    private TextNormalizer read(JsonNode node) {
        if (node.isMissingNode() || node.isNull()) {
            return TextNormalizer.NONE;
        }
        String type = node.path("type").asString("");
        return switch (type) {
            case "Sequence" -> {
                List<TextNormalizer> steps = new ArrayList<>();
                node.path("normalizers").forEach(step -> steps.add(read(step)));
                yield TextNormalizer.sequence(steps);
            }
            case "NFC" -> TextNormalizers.unicode(Form.NFC);
            case "NFD" -> TextNormalizers.unicode(Form.NFD);
            case "NFKC" -> TextNormalizers.unicode(Form.NFKC);
            case "NFKD" -> TextNormalizers.unicode(Form.NFKD);
            case "Lowercase" -> TextNormalizers.lowercase();
            case "StripAccents" -> TextNormalizers.stripAccents();
            case "Strip" -> TextNormalizers.strip(node.path("strip_left").asBoolean(true),
                    node.path("strip_right").asBoolean(true));
            case "Prepend" -> TextNormalizers.prepend(text(node, "prepend"));
            case "Replace" -> node.path("pattern").path("Regex").asString("").equals(" {2,}")
                    ? TextNormalizers.collapseSpaces(content(node))
                    : TextNormalizers.replace(literal(node), content(node));
            case "Precompiled" -> precompiled(node);
            case "BertNormalizer" -> bert(node);
            default -> throw json.unsupported("the normalizer \"" + type + "\"");
        };
    }

    private TextNormalizer precompiled(JsonNode node) {
        try {
            byte[] map = Base64.getDecoder().decode(text(node, "precompiled_charsmap"));
            return new PrecompiledMap(map, true);
        } catch (IllegalArgumentException e) {
            throw json.damaged("its precompiled_charsmap is damaged: " + e.getMessage());
        }
    }

    private static TextNormalizer bert(JsonNode node) {
        boolean lowercase = node.path("lowercase").asBoolean(true);
        return new BertNormalizer(node.path("clean_text").asBoolean(true),
                node.path("handle_chinese_chars").asBoolean(true),
                node.path("strip_accents").asBoolean(lowercase), lowercase);
    }

    private String literal(JsonNode node) {
        String literal = node.path("pattern").path("String").asString("");
        if (literal.isEmpty()) {
            throw json.unsupported("the normalizer Replace with the pattern "
                    + node.path("pattern"));
        }
        return literal;
    }

    private static String content(JsonNode node) {
        return node.path("content").asString("");
    }

    private String text(JsonNode node, String name) {
        if (!node.path(name).isString()) {
            throw json.damaged("the normalizer " + node + " lacks \"" + name + "\"");
        }
        return node.path(name).asString();
    }
}

package dev.millrace.models.tokenizers;

import dev.millrace.models.text.TextNormalizer;
import dev.millrace.models.text.TextNormalizers;
import dev.millrace.models.text.TextNormalizers.Prefix;
import dev.millrace.models.text.split.SplitRule;
import dev.millrace.models.text.split.SplitRules;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** The "pre_tokenizer" of a tokenizer.json: what it rewrites, and how it cuts. */
final class JsonSplits {

    private final TokenizerJson json;
    private final List<TextNormalizer> rewrites = new ArrayList<>();
    private final List<SplitRule> rules = new ArrayList<>();
    private boolean byteLevel;
    /** Whether all that happened so far is that white space was cut out. */
    private boolean onlyWords;

    JsonSplits(TokenizerJson json) {
        this.json = json;
        read(json.header().path("pre_tokenizer"));
    }

    /** What happens to the text before it is cut. */
    TextNormalizer rewrites() {
        return TextNormalizer.sequence(rewrites);
    }

    List<SplitRule> rules() {
        return List.copyOf(rules);
    }

    /** Whether pieces are written in GPT-2's alphabet. */
    boolean isByteLevel() {
        return byteLevel;
    }

    private void read(JsonNode node) {
        if (node.isMissingNode() || node.isNull()) {
            return;
        }
        String type = node.path("type").asString("");
        switch (type) {
            case "Sequence" -> node.path("pretokenizers").forEach(this::read);
            case "ByteLevel" -> byteLevel(node);
            case "Split" -> split(node);
            case "Digits" -> add(SplitRules.digits(node.path("individual_digits").asBoolean(false)),
                    type);
            case "Punctuation" -> {
                String behavior = node.path("behavior").asString("Isolated");
                if (!behavior.equals("Isolated")) {
                    throw json.unsupported("the pre_tokenizer Punctuation that is " + behavior);
                }
                add(SplitRules.punctuation(), type);
            }
            case "WhitespaceSplit" -> {
                onlyWords = rules.isEmpty();
                add(SplitRules.whitespace(), type);
            }
            case "BertPreTokenizer" -> {
                add(SplitRules.whitespace(), type);
                add(SplitRules.punctuation(), type);
            }
            case "Metaspace" -> metaspace(node);
            default -> throw json.unsupported("the pre_tokenizer \"" + type + "\"");
        }
    }

    /** After ByteLevel the text is in another alphabet, which no rule here knows. */
    private void add(SplitRule rule, String type) {
        if (byteLevel) {
            throw json.unsupported("the pre_tokenizer " + type + " after ByteLevel");
        }
        rules.add(rule);
    }

    private void rewrite(TextNormalizer rewrite, String type) {
        if (!rules.isEmpty()) {
            throw json.unsupported("the pre_tokenizer " + type + " to put spaces inside of words");
        }
        rewrites.add(rewrite);
    }

    private void byteLevel(JsonNode node) {
        if (node.path("add_prefix_space").asBoolean(true)) {
            rewrite(TextNormalizers.spacePrefix(), "ByteLevel");
        }
        if (node.path("use_regex").asBoolean(true)) {
            add(SplitRules.gpt2(), "ByteLevel");
        }
        byteLevel = true;
    }

    private void metaspace(JsonNode node) {
        String replacement = node.path("replacement").asString("\u2581");
        String scheme = node.path("prepend_scheme")
                .asString(node.path("add_prefix_space").asBoolean(true) ? "always" : "never");
        Prefix prefix = switch (scheme) {
            case "always" -> Prefix.ALWAYS;
            case "first" -> Prefix.FIRST;
            case "never" -> Prefix.NEVER;
            default -> throw json.unsupported("the prepend_scheme \"" + scheme + "\"");
        };
        if (onlyWords && prefix == Prefix.ALWAYS && rules.size() == 1) {
            rules.clear();
            rewrite(TextNormalizers.markWords(replacement), "Metaspace");
        } else {
            rewrite(TextNormalizers.metaspace(replacement, prefix), "Metaspace");
        }
        if (node.path("split").asBoolean(true)) {
            add(SplitRules.beforeEach(replacement), "Metaspace");
        }
    }

    private void split(JsonNode node) {
        JsonNode pattern = node.path("pattern");
        String behavior = node.path("behavior").asString("");
        boolean inverted = node.path("invert").asBoolean(false);
        Optional<SplitRule> rule = Optional.empty();
        if (pattern.path("String").isString() && !inverted) {
            String literal = pattern.path("String").asString();
            rule = literal.isEmpty() ? rule : SplitRules.literal(literal, behavior);
        } else if (pattern.path("Regex").isString()) {
            rule = regex(pattern.path("Regex").asString(), behavior, inverted);
        }
        add(rule.orElseThrow(() -> json.unsupported("to split its text by the pattern " + pattern
                + " (" + behavior + (inverted ? ", inverted)" : ")"))), "Split");
    }

    private static Optional<SplitRule> regex(String pattern, String behavior, boolean inverted) {
        if (behavior.equals("Isolated") && !inverted) {
            return SplitRules.pattern(pattern);
        }
        // To remove all but the matches is to isolate them, where every character matches.
        return behavior.equals("Removed") && inverted
                ? SplitRules.coveringPattern(pattern)
                : Optional.empty();
    }
}

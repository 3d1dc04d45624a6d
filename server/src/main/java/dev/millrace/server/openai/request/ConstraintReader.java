package dev.millrace.server.openai.request;

import dev.millrace.engine.constrain.GbnfParser;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.RegexParser;
import dev.millrace.engine.constrain.schema.SchemaGrammar;
import dev.millrace.server.openai.model.Requirement;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.BooleanNode;

/**
 * Reads what a completion must satisfy: OpenAI's {@code response_format}, vLLM's
 * {@code structured_outputs} and its older {@code guided_...} fields, llama.cpp's {@code grammar}.
 */
final class ConstraintReader {

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,64}");
    private static final int CHOICES = 100_000;
    private static final JsonMapper SCHEMAS = Json.reader(HttpLimits.DEFAULT);

    private final Fields fields;
    private final List<String> paths = new ArrayList<>();
    private Requirement requirement;

    private ConstraintReader(Fields fields) {
        this.fields = fields;
    }

    /**
     * What a request asks for, or null for nothing.
     *
     * @throws ApiException 400 that names the field
     */
    static Requirement read(Fields fields) {
        ConstraintReader reader = new ConstraintReader(fields);
        reader.readResponseFormat();
        reader.readStructuredOutputs();
        reader.readAlternatives(fields, "guided_", false);
        if (fields.has("json_schema")) {
            reader.readSchema("json_schema", fields.require("json_schema"), false);
        }
        if (!fields.text("grammar", "").isEmpty()) {
            reader.readGrammar("grammar", fields.text("grammar"));
        }
        return reader.requirement;
    }

    private void readResponseFormat() {
        Fields format = fields.object("response_format");
        if (format == null) {
            return;
        }
        switch (format.text("type")) {
            case "text" -> {
            }
            case "json_object" -> {
                if (format.has("schema")) {
                    readPlainSchema(format);
                } else {
                    readObject(format.path("type"), false);
                }
            }
            case "json_schema" -> {
                if (format.has("schema") && !format.has("json_schema")) {
                    readPlainSchema(format);
                } else {
                    readNamedSchema(format);
                }
            }
            default -> throw ApiException.invalid(format.path("type"), format.path("type")
                    + " must be text, json_object or json_schema, got " + format.text("type"));
        }
    }

    /** As llama.cpp has it, and others after it. */
    private void readPlainSchema(Fields from) {
        readSchema(from.path("schema"), from.require("schema"), false);
    }

    private void readNamedSchema(Fields format) {
        format.require("json_schema");
        Fields named = format.object("json_schema");
        if (!NAME.matcher(named.text("name")).matches()) {
            throw ApiException.invalid(named.path("name"), named.path("name") + " must have"
                    + " between 1 and 64 characters of A-Z, a-z, 0-9, _ and -");
        }
        named.flag("strict", false);
        readSchema(named.path("schema"), named.require("schema"), false);
    }

    private void readStructuredOutputs() {
        Fields outputs = fields.object("structured_outputs");
        if (outputs == null) {
            return;
        }
        for (String name : List.of("structural_tag", "whitespace_pattern",
                "disable_additional_properties")) {
            if (outputs.has(name) && !outputs.require(name).equals(BooleanNode.FALSE)) {
                throw ApiException.unsupported(outputs.path(name), outputs.path(name)
                        + " is not supported by this server; leave it out");
            }
        }
        boolean compact = outputs.flag("disable_any_whitespace", false);
        outputs.flag("disable_fallback", false);
        if (outputs.flag("json_object", false)) {
            readObject(outputs.path("json_object"), compact);
        }
        readAlternatives(outputs, "", compact);
        if (requirement == null) {
            throw ApiException.invalid("structured_outputs", "structured_outputs needs one of"
                    + " json, json_object, regex, choice and grammar");
        }
    }

    private void readAlternatives(Fields from, String prefix, boolean compact) {
        if (from.has(prefix + "json")) {
            readSchema(from.path(prefix + "json"), from.require(prefix + "json"), compact);
        }
        if (from.has(prefix + "regex")) {
            String regex = from.text(prefix + "regex");
            require(from.path(prefix + "regex"), "regex", regex, "invalid_value",
                    () -> Grammar.of(RegexParser.whole(regex)));
        }
        if (from.has(prefix + "choice")) {
            String path = from.path(prefix + "choice");
            List<String> choices = from.array(prefix + "choice", CHOICES).stream()
                    .map(choice -> Fields.text(choice, path)).toList();
            require(path, "choice", from.require(prefix + "choice").toString(), "invalid_value",
                    () -> Grammar.choice(choices));
        }
        if (from.has(prefix + "grammar")) {
            readGrammar(from.path(prefix + "grammar"), from.text(prefix + "grammar"));
        }
    }

    private void readGrammar(String path, String text) {
        require(path, "grammar", text, "invalid_grammar", () -> GbnfParser.parse(text));
    }

    private void readObject(String path, boolean compact) {
        require(path, "object", Boolean.toString(compact), "invalid_value",
                () -> SchemaGrammar.anyObject(compact));
    }

    private void readSchema(String path, JsonNode schema, boolean compact) {
        JsonNode parsed = schema.isString() ? parse(path, schema.stringValue()) : schema;
        require(path, compact ? "compact schema" : "schema", parsed.toString(),
                "invalid_json_schema", () -> SchemaGrammar.of(parsed, compact));
    }

    private static JsonNode parse(String path, String text) {
        try {
            return SCHEMAS.readTree(text);
        } catch (JacksonException e) {
            throw ApiException.invalid(path, path + " is a string that is not valid JSON");
        }
    }

    private void require(String path, String kind, String text, String code,
            Supplier<Grammar> grammar) {
        paths.add(path);
        if (paths.size() > 1) {
            throw ApiException.invalid(path, paths.getFirst() + " and " + path
                    + " both say what the completion must be; send one of them");
        }
        requirement = new Requirement(path, kind, text, code, grammar);
    }
}

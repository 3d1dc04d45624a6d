package dev.millrace.bench.masks;

import dev.millrace.engine.constrain.GbnfParser;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.RegexParser;
import dev.millrace.engine.constrain.schema.SchemaGrammar;
import tools.jackson.databind.json.JsonMapper;

/** Constraints of every kind, each with a text that keeps to it. */
public enum MaskCase {
    JSON {
        @Override
        Grammar grammar() {
            return SchemaGrammar.anyObject(false);
        }

        @Override
        String text() {
            return PERSON;
        }
    },
    SCHEMA {
        @Override
        Grammar grammar() {
            return SchemaGrammar.of(JsonMapper.shared().readTree("""
                    {"type": "object", "properties": {
                      "name": {"type": "string"}, "born": {"type": "integer", "minimum": 0},
                      "email": {"type": "string", "format": "email"},
                      "tags": {"type": "array", "items": {"enum": ["math", "poetry", "steam"]}},
                      "address": {"$ref": "#/$defs/address"},
                      "friends": {"type": "array", "items": {"type": "object", "properties": {
                        "name": {"type": "string", "maxLength": 60},
                        "address": {"$ref": "#/$defs/address"}}, "required": ["name"]}}},
                     "required": ["name", "born", "friends"], "additionalProperties": false,
                     "$defs": {"address": {"type": ["object", "null"], "properties": {
                       "street": {"type": "string"}, "number": {"type": "number"}},
                       "required": ["street"]}}}"""), false);
        }

        @Override
        String text() {
            return PERSON;
        }
    },
    REGEX {
        @Override
        Grammar grammar() {
            return Grammar.of(RegexParser.whole(
                    "([A-Z][a-z]+ ){2,8}<[\\w.]+@\\w+(\\.\\w+)+>(, .*)?"));
        }

        @Override
        String text() {
            return "Augusta Ada King Countess <ada.lovelace@analytical.engine.org>, who wrote"
                    + " the first program, in notes longer than the text they were about";
        }
    },
    GRAMMAR {
        @Override
        Grammar grammar() {
            return GbnfParser.parse("""
                    root   ::= sum
                    sum    ::= factor (" " [-+] " " factor)*
                    factor ::= atom ([*/] atom)*
                    atom   ::= "(" sum ")" | [0-9]+ | [a-z]+ "(" sum ")"
                    """);
        }

        @Override
        String text() {
            return "(12 + sin(3*(4 - 5)))*((((6 + 7)/8)*9 - log(10 + 11))/(12*13))";
        }
    };

    private static final String PERSON = """
            {"name": "Ada Lovelace", "born": 1815, "email": "ada@analytical.engine.org", \
            "tags": ["math", "poetry"], "address": {"street": "St James's Square — London", \
            "number": 12.5}, "friends": [{"name": "Charles \\"Engine\\" Babbage", \
            "address": null}, {"name": "Mary Somerville"}]}""";

    abstract Grammar grammar();

    abstract String text();
}

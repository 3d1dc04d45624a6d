package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A tokenizer.json as it is written (Hugging Face tokenizers): the long lists apart, since as a
 * tree they would take ten times the memory.
 *
 * @param source   the file, for messages
 * @param header   all but the lists below
 * @param pieces   the model's pieces
 * @param ids      the token of each piece
 * @param scores   of each piece, where the model has scores; else empty
 * @param merges   left and right halves in turns
 */
record TokenizerJson(String source, ObjectNode header, List<String> pieces, List<Integer> ids,
        List<Double> scores, List<String> merges) {

    private static final long MAX_FILE_BYTES = 256L << 20;
    static final int MAX_TOKENS = 1 << 22;
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
            .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES).build()).build();

    /** @throws ModelException if the file cannot be read or is no tokenizer.json */
    static TokenizerJson read(Path file) {
        try {
            if (Files.size(file) > MAX_FILE_BYTES) {
                throw new ModelException(file + " has " + Files.size(file) + " bytes; a"
                        + " tokenizer.json may have at most " + MAX_FILE_BYTES);
            }
            try (JsonParser parser = MAPPER.createParser(file)) {
                return read(parser, file.toString());
            }
        } catch (JacksonException e) {
            throw new ModelException(file + " is no tokenizer.json: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new ModelException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private static TokenizerJson read(JsonParser parser, String source) {
        TokenizerJson json = new TokenizerJson(source, MAPPER.createObjectNode(),
                new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        json.readRoot(parser);
        return json;
    }

    /** @throws ModelException if the text is no tokenizer.json */
    static TokenizerJson parse(String text, String source) {
        try (JsonParser parser = MAPPER.createParser(text)) {
            return read(parser, source);
        } catch (JacksonException e) {
            throw new ModelException(source + " holds no tokenizer.json: "
                    + e.getOriginalMessage(), e);
        }
    }

    /** What was a small file beside a tokenizer. */
    static JsonNode parseSmall(String text, String source) {
        try {
            return MAPPER.readTree(text);
        } catch (JacksonException e) {
            throw new ModelException(source + ": the configuration of its tokenizer is not JSON: "
                    + e.getOriginalMessage(), e);
        }
    }

    /** A small JSON file beside a tokenizer; an empty object if there is none. */
    static JsonNode readBeside(Path file) {
        try {
            return Files.isRegularFile(file) ? MAPPER.readTree(file) : MAPPER.createObjectNode();
        } catch (JacksonException e) {
            throw new ModelException(file + " is not JSON: " + e.getOriginalMessage(), e);
        }
    }

    ModelException unsupported(String what) {
        return new ModelException(source + " wants " + what
                + ", which this version does not do; a wrong tokenization would be worse");
    }

    ModelException damaged(String what) {
        return new ModelException(source + " is no usable tokenizer.json: " + what);
    }

    private void readRoot(JsonParser parser) {
        expect(parser.nextToken(), JsonToken.START_OBJECT, "an object");
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            if (name.equals("model") && value == JsonToken.START_OBJECT) {
                header.set("model", readModel(parser));
            } else {
                header.set(name, parser.readValueAsTree());
            }
        }
        if (!header.has("model")) {
            throw damaged("it has no \"model\"");
        }
    }

    private ObjectNode readModel(JsonParser parser) {
        ObjectNode model = MAPPER.createObjectNode();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
                readIds(parser);
            } else if (name.equals("vocab") && value == JsonToken.START_ARRAY) {
                readScores(parser);
            } else if (name.equals("merges") && value == JsonToken.START_ARRAY) {
                readMerges(parser);
            } else {
                model.set(name, parser.readValueAsTree());
            }
        }
        return model;
    }

    private void readIds(JsonParser parser) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String piece = parser.currentName();
            expect(parser.nextToken(), JsonToken.VALUE_NUMBER_INT, "an id for every piece");
            add(piece, parser.getIntValue());
        }
    }

    private void readScores(JsonParser parser) {
        while (parser.nextToken() == JsonToken.START_ARRAY) {
            expect(parser.nextToken(), JsonToken.VALUE_STRING, "pieces with scores");
            add(parser.getString(), pieces.size());
            if (!parser.nextToken().isNumeric()) {
                throw damaged("a score is no number");
            }
            scores.add(parser.getDoubleValue());
            expect(parser.nextToken(), JsonToken.END_ARRAY, "pieces with one score each");
        }
    }

    private void add(String piece, int id) {
        if (id < 0 || id >= MAX_TOKENS || pieces.size() >= MAX_TOKENS) {
            throw damaged("it has the token id " + id + "; ids run from 0 to " + (MAX_TOKENS - 1));
        }
        pieces.add(piece);
        ids.add(id);
    }

    /** Each merge is {@code "left right"}, or {@code ["left", "right"]} in newer files. */
    private void readMerges(JsonParser parser) {
        for (JsonToken token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser
                .nextToken()) {
            if (token == JsonToken.VALUE_STRING) {
                String merge = parser.getString();
                int space = merge.indexOf(' ');
                if (space < 0 || space != merge.lastIndexOf(' ')) {
                    throw damaged("the merge \"" + merge + "\" has not two halves");
                }
                merges.add(merge.substring(0, space));
                merges.add(merge.substring(space + 1));
            } else {
                expect(token, JsonToken.START_ARRAY, "merges of two halves");
                expect(parser.nextToken(), JsonToken.VALUE_STRING, "merges of two halves");
                merges.add(parser.getString());
                expect(parser.nextToken(), JsonToken.VALUE_STRING, "merges of two halves");
                merges.add(parser.getString());
                expect(parser.nextToken(), JsonToken.END_ARRAY, "merges of two halves");
            }
        }
    }

    private void expect(JsonToken found, JsonToken expected, String what) {
        if (found != expected) {
            throw damaged("expected " + what + ", found " + found);
        }
    }
}

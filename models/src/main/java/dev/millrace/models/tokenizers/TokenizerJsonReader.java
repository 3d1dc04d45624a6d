package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.text.AddedToken;
import dev.millrace.models.text.ByteAlphabet;
import dev.millrace.models.text.BytePairModel;
import dev.millrace.models.text.ComposedTokenizer;
import dev.millrace.models.text.MergeList;
import dev.millrace.models.text.SpecialTokens;
import dev.millrace.models.text.TextNormalizer;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.text.UnigramModel;
import dev.millrace.models.text.Utf8;
import dev.millrace.models.text.Vocabulary;
import dev.millrace.models.text.Vocabulary.Kind;
import dev.millrace.models.text.WordModel;
import dev.millrace.models.text.WordPieceModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Builds a tokenizer from a tokenizer.json. What this version cannot do exactly, it refuses. */
final class TokenizerJsonReader {

    private static final int NONE = -1;
    /** Some ids may be free, but a small file must not make a large vocabulary. */
    private static final int MOST_IDS_PER_PIECE = 2;
    private static final int FREE_IDS = 1000;
    private static final byte[] ABSENT = new byte[0];

    private final TokenizerJson json;
    private final JsonNode model;
    private final JsonSplits splits;
    private final List<AddedToken> added = new ArrayList<>();
    private final Map<String, Integer> tokens = new HashMap<>();

    private TokenizerJsonReader(TokenizerJson json) {
        this.json = json;
        this.model = json.header().path("model");
        this.splits = new JsonSplits(json);
    }

    /** @throws ModelException if the file is damaged or wants what this version cannot do */
    static Tokenizer read(Path file) {
        return read(TokenizerJson.read(file),
                TokenizerJson.readBeside(file.resolveSibling("tokenizer_config.json")),
                TokenizerJson.readBeside(file.resolveSibling("generation_config.json")));
    }

    /**
     * Builds a tokenizer.
     *
     * @param config     tokenizer_config.json, or an empty object
     * @param generation generation_config.json, or an empty object
     */
    static Tokenizer read(TokenizerJson json, JsonNode config, JsonNode generation) {
        return new TokenizerJsonReader(json).read(config, generation);
    }

    private Tokenizer read(JsonNode config, JsonNode generation) {
        readAddedTokens();
        for (int i = 0; i < json.pieces().size(); i++) {
            tokens.put(json.pieces().get(i), json.ids().get(i));
        }
        added.forEach(token -> tokens.put(token.content(), token.token()));
        Vocabulary vocabulary = vocabulary();
        TextNormalizer normalizer = TextNormalizer.sequence(
                List.of(new JsonNormalizers(json).read(), splits.rewrites()));
        JsonSpelling spelling = JsonSpelling.read(json, splits.isByteLevel());
        SpecialTokens special = new JsonSpecials(json, tokens, size(), config, generation)
                .read(spelling.stripsLeadingSpace());
        return new ComposedTokenizer(new ComposedTokenizer.Stages(vocabulary, added, normalizer,
                splits.rules(), wordModel(vocabulary), spelling.spelling()), special);
    }

    private void readAddedTokens() {
        for (JsonNode node : json.header().path("added_tokens")) {
            int token = node.path("id").asInt(NONE);
            if (token < 0 || token >= TokenizerJson.MAX_TOKENS) {
                throw json.damaged("the added token " + node + " has no usable id");
            }
            added.add(new AddedToken(token, node.path("content").asString(""),
                    node.path("special").asBoolean(false),
                    node.path("normalized").asBoolean(!node.path("special").asBoolean(false)),
                    node.path("lstrip").asBoolean(false), node.path("rstrip").asBoolean(false),
                    node.path("single_word").asBoolean(false)));
        }
    }

    private int size() {
        return 1 + Math.max(json.ids().stream().mapToInt(Integer::intValue).max().orElse(NONE),
                added.stream().mapToInt(AddedToken::token).max().orElse(NONE));
    }

    /** Ids that nothing has are unused pieces without text. */
    private Vocabulary vocabulary() {
        int size = size();
        int known = json.pieces().size() + added.size();
        if (size == 0) {
            throw json.damaged("its vocabulary is empty");
        }
        if (size > MOST_IDS_PER_PIECE * known + FREE_IDS) {
            throw json.damaged("its " + known + " pieces have ids up to " + (size - 1));
        }
        byte[][] pieces = new byte[size][];
        Arrays.fill(pieces, ABSENT);
        Kind[] kinds = new Kind[size];
        Arrays.fill(kinds, Kind.UNUSED);
        float[] scores = new float[size];
        for (int i = 0; i < json.pieces().size(); i++) {
            int token = json.ids().get(i);
            pieces[token] = bytes(json.pieces().get(i));
            kinds[token] = kind(json.pieces().get(i), pieces[token]);
            if (!json.scores().isEmpty()) {
                scores[token] = json.scores().get(i).floatValue();
            }
        }
        for (AddedToken token : added) {
            pieces[token.token()] = Utf8.encode(token.content());
            kinds[token.token()] = token.special() ? Kind.CONTROL : Kind.USER_DEFINED;
        }
        return new Vocabulary(pieces, scores, kinds);
    }

    private Kind kind(String spelled, byte[] piece) {
        if (splits.isByteLevel()) {
            return ByteAlphabet.isSpelling(spelled) ? Kind.NORMAL : Kind.UNUSED;
        }
        return Vocabulary.byteOf(piece) >= 0 ? Kind.BYTE : Kind.NORMAL;
    }

    private byte[] bytes(String piece) {
        return splits.isByteLevel() ? ByteAlphabet.bytes(piece) : Utf8.encode(piece);
    }

    private WordModel wordModel(Vocabulary vocabulary) {
        String type = model.path("type").asString(json.merges().isEmpty() ? "" : "BPE");
        return switch (type) {
            case "BPE" -> bytePairs(vocabulary);
            case "Unigram" -> unigram(vocabulary);
            case "WordPiece" -> new WordPieceModel(vocabulary, new WordPieceModel.Options("",
                    model.path("continuing_subword_prefix").asString("##"),
                    required(unknownToken()), model.path("max_input_chars_per_word").asInt(100)));
            default -> throw json.unsupported("the model \"" + type + "\"");
        };
    }

    private WordModel bytePairs(Vocabulary vocabulary) {
        for (String option : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
            if (!model.path(option).asString("").isEmpty()) {
                throw json.unsupported("BPE with " + option + " " + model.path(option));
            }
        }
        if (model.path("dropout").asDouble(0) != 0) {
            throw json.unsupported("BPE that drops merges at random");
        }
        List<String> halves = json.merges();
        MergeList merges = new MergeList(vocabulary, halves.size() / 2);
        try {
            for (int i = 0; i < halves.size(); i += 2) {
                merges.add(bytes(halves.get(i)), bytes(halves.get(i + 1)));
            }
        } catch (IllegalArgumentException e) {
            throw json.damaged(e.getMessage());
        }
        return new BytePairModel(vocabulary, merges, new BytePairModel.Options(
                splits.isByteLevel(), model.path("byte_fallback").asBoolean(false),
                model.path("ignore_merges").asBoolean(false), unknownToken(),
                model.path("fuse_unk").asBoolean(false)));
    }

    private WordModel unigram(Vocabulary vocabulary) {
        double[] scores = new double[vocabulary.size()];
        for (int i = 0; i < json.scores().size(); i++) {
            scores[json.ids().get(i)] = json.scores().get(i);
        }
        return new UnigramModel(vocabulary, scores, required(model.path("unk_id").asInt(NONE)),
                model.path("byte_fallback").asBoolean(false));
    }

    private int required(int unknownToken) {
        if (unknownToken < 0 || unknownToken >= size()) {
            throw json.damaged("it names no unknown token");
        }
        return unknownToken;
    }

    private int unknownToken() {
        String piece = model.path("unk_token").asString("");
        return piece.isEmpty() ? NONE : tokens.getOrDefault(piece, NONE);
    }
}

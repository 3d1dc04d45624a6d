package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.gguf.GgufEntries;
import dev.millrace.models.text.AddedToken;
import dev.millrace.models.text.ComposedTokenizer;
import dev.millrace.models.text.EndPieces;
import dev.millrace.models.text.PrecompiledMap;
import dev.millrace.models.text.ScoredPairModel;
import dev.millrace.models.text.SentencePieceTokenizer;
import dev.millrace.models.text.SpecialTokens;
import dev.millrace.models.text.TextNormalizer;
import dev.millrace.models.text.TextNormalizers;
import dev.millrace.models.text.TokenSpelling;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.text.UnigramModel;
import dev.millrace.models.text.Utf8;
import dev.millrace.models.text.Vocabulary;
import dev.millrace.models.text.Vocabulary.Kind;
import dev.millrace.models.text.WordModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/**
 * Builds a tokenizer from a SentencePiece file (tokenizer.model), and from what
 * tokenizer_config.json beside it adds: more tokens, and whether texts begin and end with one.
 */
final class SentencePieceReader {

    private static final long MAX_FILE_BYTES = 256L << 20;
    private static final int NONE = -1;
    /** Some ids may be free, but a small file must not make a large vocabulary. */
    private static final int MOST_IDS_PER_PIECE = 2;
    private static final int FREE_IDS = 1000;

    private final Path source;
    private final SentencePieceFile file;
    private final JsonNode config;
    private final List<byte[]> pieces;
    private final List<Kind> kinds;
    private final List<Float> scores;

    private SentencePieceReader(Path source, SentencePieceFile file, JsonNode config) {
        this.source = source;
        this.file = file;
        this.config = config;
        this.pieces = new ArrayList<>(file.pieces);
        this.kinds = new ArrayList<>(file.kinds);
        this.scores = new ArrayList<>(file.scores);
    }

    /** @throws ModelException if the file is damaged or of a kind that this version cannot use */
    static Tokenizer read(Path path) {
        return use(path, SentencePieceReader::build);
    }

    /**
     * Writes the same tokenizer as the metadata of a GGUF file.
     *
     * @param vocabularySize rows of the model's embedding, as many as the file will have tokens
     * @throws ModelException as above, or if GGUF has no words for what this tokenizer does
     */
    static void write(Path path, int vocabularySize, GgufEntries out) {
        use(path, reader -> {
            new SentencePieceEntries(reader.file, reader.pieces, reader.kinds, reader.scores)
                    .write(reader.special(), vocabularySize, out);
            return null;
        });
    }

    private static <T> T use(Path path, Function<SentencePieceReader, T> task) {
        try {
            if (Files.size(path) > MAX_FILE_BYTES) {
                throw new ModelException(path + " has " + Files.size(path) + " bytes; a"
                        + " SentencePiece model may have at most " + MAX_FILE_BYTES);
            }
            SentencePieceFile file = new SentencePieceFile(Files.readAllBytes(path));
            return task.apply(new SentencePieceReader(path, file, TokenizerJson.readBeside(
                    path.resolveSibling("tokenizer_config.json"))));
        } catch (IllegalArgumentException e) {
            throw new ModelException(path + " is no usable SentencePiece model: "
                    + e.getMessage(), e);
        } catch (IOException e) {
            throw new ModelException("cannot read " + path + ": " + e.getMessage(), e);
        }
    }

    /** Adds the configuration's tokens and tells which begin and end texts. */
    private SpecialTokens special() {
        boolean bytePairs = file.isBytePairs();
        if (!bytePairs && file.modelType != SentencePieceFile.UNIGRAM || file.spacesAreSuffixes) {
            throw new ModelException(source + " is a SentencePiece model of "
                    + (file.spacesAreSuffixes ? "spaces after words" : "type " + file.modelType)
                    + "; this version reads unigram models (1) and byte pairs (2)");
        }
        addTokens();
        int endToken = token("eos_token", file.endToken);
        Set<Integer> endTokens = new HashSet<>();
        endTokens.add(endToken);
        Map<String, Integer> tokens = tokens();
        EndPieces.among(tokens::containsKey).forEach(piece -> endTokens.add(tokens.get(piece)));
        endTokens.remove(NONE);
        endTokens.forEach(token -> kinds.set(token, Kind.CONTROL));
        return new SpecialTokens(token("bos_token", file.startToken), endToken, endTokens,
                config.path("add_bos_token").asBoolean(bytePairs),
                config.path("add_eos_token").asBoolean(!bytePairs), file.addsSpacePrefix);
    }

    private Tokenizer build() {
        SpecialTokens special = special();
        int endToken = special.endToken();
        Set<Integer> endTokens = special.endTokens();
        boolean bytePairs = file.isBytePairs();
        Vocabulary vocabulary = vocabulary();
        return bytePairs && !file.changesText()
                ? new SentencePieceTokenizer(vocabulary, new SentencePieceTokenizer.Options(
                        special.startToken(), endToken, existing(file.unknownToken), endTokens,
                        special.addsStart(), file.addsSpacePrefix))
                : composed(vocabulary, special, bytePairs);
    }

    private Tokenizer composed(Vocabulary vocabulary, SpecialTokens special, boolean bytePairs) {
        int unknownToken = existing(file.unknownToken);
        if (unknownToken == NONE && !bytePairs) {
            throw new IllegalArgumentException("without an unknown token, which unigram models"
                    + " need");
        }
        double[] exact = scores.stream().mapToDouble(Float::doubleValue).toArray();
        WordModel model = bytePairs
                ? new ScoredPairModel(vocabulary, unknownToken)
                : new UnigramModel(vocabulary, exact, unknownToken, file.byteFallback);
        TextNormalizer map = file.map.length == 0
                ? TextNormalizer.NONE
                : new PrecompiledMap(file.map, false);
        List<AddedToken> added = new ArrayList<>();
        for (int token = 0; token < kinds.size(); token++) {
            Kind kind = kinds.get(token);
            if (kind == Kind.CONTROL || kind == Kind.UNKNOWN || kind == Kind.USER_DEFINED) {
                added.add(new AddedToken(token, text(token), kind != Kind.USER_DEFINED));
            }
        }
        return new ComposedTokenizer(new ComposedTokenizer.Stages(vocabulary, added,
                TextNormalizer.sequence(List.of(map,
                        TextNormalizers.wordSpaces(file.addsSpacePrefix, file.mergesSpaces))),
                List.of(), model, TokenSpelling.SENTENCE_PIECE), special);
    }

    /** Tokens that the configuration adds, at ids of their own or in place of a piece. */
    private void addTokens() {
        for (Map.Entry<String, JsonNode> entry : config.path("added_tokens_decoder")
                .properties()) {
            int token = entry.getKey().matches("\\d{1,7}")
                    ? Integer.parseInt(entry.getKey())
                    : NONE;
            if (token < 0 || token > MOST_IDS_PER_PIECE * file.pieces.size() + FREE_IDS) {
                throw new IllegalArgumentException("beside it a token has the id "
                        + entry.getKey());
            }
            while (pieces.size() <= token) {
                pieces.add(new byte[0]);
                kinds.add(Kind.UNUSED);
                scores.add(0f);
            }
            pieces.set(token, Utf8.encode(entry.getValue().path("content").asString("")));
            if (kinds.get(token) != Kind.UNKNOWN) {
                kinds.set(token, entry.getValue().path("special").asBoolean(false)
                        ? Kind.CONTROL
                        : Kind.USER_DEFINED);
            }
        }
    }

    private Map<String, Integer> tokens() {
        Map<String, Integer> tokens = new HashMap<>();
        for (int token = 0; token < pieces.size(); token++) {
            tokens.putIfAbsent(text(token), token);
        }
        return tokens;
    }

    private String text(int token) {
        return new String(pieces.get(token), StandardCharsets.UTF_8);
    }

    private int token(String name, int fallback) {
        JsonNode node = config.path(name);
        String piece = node.isObject() ? node.path("content").asString("") : node.asString("");
        return piece.isEmpty() ? existing(fallback) : tokens().getOrDefault(piece, NONE);
    }

    private int existing(int token) {
        return token >= 0 && token < pieces.size() ? token : NONE;
    }

    private Vocabulary vocabulary() {
        float[] plain = new float[scores.size()];
        for (int token = 0; token < plain.length; token++) {
            plain[token] = scores.get(token);
        }
        return new Vocabulary(pieces.toArray(byte[][]::new), plain, kinds.toArray(Kind[]::new));
    }
}

package dev.millrace.models.tokenizers;

import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A tokenizer.json under construction. */
final class TokenizerJsonFixture {

    private static final JsonMapper MAPPER = JsonMapper.shared();

    private final ObjectNode root = MAPPER.createObjectNode();
    private final ObjectNode model = root.putObject("model").put("type", "BPE");
    private final ObjectNode vocab = model.putObject("vocab");
    private final List<String> pieces = new ArrayList<>();

    /** Adds pieces, each with the next id. */
    TokenizerJsonFixture pieces(String... added) {
        for (String piece : added) {
            vocab.put(piece, pieces.size());
            pieces.add(piece);
        }
        return this;
    }

    TokenizerJsonFixture merges(String... merges) {
        for (String merge : merges) {
            model.withArray("merges").add(merge);
        }
        return this;
    }

    /** Adds a token with the next id, and what else its object says. */
    TokenizerJsonFixture added(String content, boolean special, String... flags) {
        ObjectNode token = root.withArray("added_tokens").addObject().put("id", pieces.size())
                .put("content", content).put("special", special).put("normalized", false);
        for (String flag : flags) {
            token.put(flag, true);
        }
        pieces.add(content);
        return this;
    }

    /** Sets one of the stages, or whatever else the root has. */
    TokenizerJsonFixture set(String name, String json) {
        root.set(name, MAPPER.readTree(json));
        return this;
    }

    TokenizerJsonFixture model(String name, Object value) {
        model.set(name, MAPPER.valueToTree(value));
        return this;
    }

    String piece(int token) {
        return pieces.get(token);
    }

    Path write(Path folder) {
        try {
            return Files.writeString(folder.resolve("tokenizer.json"), root.toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Tokenizer open(Path folder) {
        return TokenizerFiles.open(write(folder));
    }
}

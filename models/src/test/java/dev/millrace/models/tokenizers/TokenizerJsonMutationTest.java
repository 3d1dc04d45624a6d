package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.assertThat;

/** Thousands of seeded mutations of a tokenizer.json are refused or usable, and nothing else. */
class TokenizerJsonMutationTest {

    private static final int MUTATIONS = 2000;
    private static final JsonMapper MAPPER = JsonMapper.shared();
    private static final String[] VALUES = {"null", "true", "-1", "0", "3", "1e300", "4194303",
        "99999999999999999999", "\"\"", "\"a\"", "\"<s>\"", "[]", "{}", "[[]]", "{\"a\": 1}",
        "\"Sequence\"", "\"BPE\"", "\"Unigram\"", "\"WordPiece\"", "\"ByteLevel\"",
        "\"Metaspace\"", "\"Split\"", "\"Replace\"", "\"Prepend\"", "\"Precompiled\"",
        "\"BertNormalizer\"", "\"TemplateProcessing\"", "[\"a\", \"b\"]", "[[\"a\", -1.5]]"};

    @TempDir
    Path folder;

    private static JsonNode sound() {
        return MAPPER.readTree("""
                {"added_tokens": [{"id": 6, "content": "<s>", "special": true, "lstrip": true},
                   {"id": 7, "content": "ba", "normalized": true, "single_word": true}],
                 "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"},
                   {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
                 "pre_tokenizer": {"type": "Split", "pattern": {"String": "\u2581"},
                   "behavior": "MergedWithNext", "invert": false},
                 "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true,
                   "vocab": {"<unk>": 0, "a": 1, "b": 2, "ab": 3, "\u2581": 4, "\u2581ab": 5},
                   "merges": ["a b", "\u2581 ab"]},
                 "post_processor": {"type": "TemplateProcessing",
                   "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
                   "special_tokens": {"<s>": {"ids": [6]}}},
                 "decoder": {"type": "Sequence", "decoders": [{"type": "Replace"},
                   {"type": "Strip", "start": 1}]}}""");
    }

    /** Replaces, removes or adds a value somewhere. */
    private static void mutate(JsonNode root, SplittableRandom random) {
        List<JsonNode> parents = new ArrayList<>();
        collect(root, parents);
        JsonNode parent = parents.get(random.nextInt(parents.size()));
        JsonNode value = MAPPER.readTree(VALUES[random.nextInt(VALUES.length)]);
        if (parent instanceof ObjectNode object) {
            List<String> names = new ArrayList<>(object.propertyNames());
            String name = names.get(random.nextInt(names.size()));
            switch (random.nextInt(4)) {
                case 0 -> object.remove(name);
                case 1 -> object.set(VALUES[random.nextInt(VALUES.length)], value);
                default -> object.set(name, value);
            }
        } else {
            ArrayNode array = (ArrayNode) parent;
            array.set(random.nextInt(array.size()), value);
        }
    }

    private static void collect(JsonNode node, List<JsonNode> parents) {
        if (node.isContainer() && !node.isEmpty()) {
            parents.add(node);
            node.forEach(child -> collect(child, parents));
        }
    }

    @Test
    void theFileIsSound() throws IOException {
        assertThat(open(sound().toString()).encode("ab b", true)).containsExactly(6, 3, 4, 2);
    }

    private Tokenizer open(String json) throws IOException {
        return TokenizerFiles.open(Files.writeString(folder.resolve("tokenizer.json"), json));
    }

    @Test
    void mutationsAreRefusedOrUsable() throws IOException {
        SplittableRandom random = new SplittableRandom(2026);
        int refused = 0;
        for (int round = 0; round < MUTATIONS; round++) {
            JsonNode root = sound();
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                mutate(root, random);
            }
            String json = root.toString();
            if (round % 10 == 0) {
                json = json.substring(0, random.nextInt(json.length()));
            }
            try {
                Tokenizer tokenizer = open(json);
                int[] tokens = tokenizer.encode(List.of(new TextSpan("ab <s>ba ", true),
                        new TextSpan("b\u00e9<s>", false)), true);
                assertThat(tokenizer.decode(tokens)).as(json).isNotNull();
            } catch (ModelException e) {
                refused++;
                assertThat(e).hasMessageContaining("tokenizer.json");
            } catch (RuntimeException e) {
                throw new AssertionError("round " + round + ": " + json, e);
            }
        }
        assertThat(refused).isBetween(MUTATIONS / 10, MUTATIONS * 9 / 10);
    }
}

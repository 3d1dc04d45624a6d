package dev.millrace.engine.constrain.schema;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.TextMatcher;
import dev.millrace.engine.constrain.Texts;
import dev.millrace.engine.constrain.TokenConstraint;
import dev.millrace.engine.constrain.TokenTrie;
import dev.millrace.models.Model;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.*;

/**
 * The official test suite of JSON Schema: nothing that is invalid is accepted, and what random
 * tokens of a real vocabulary make under the masks is valid for a validator that others wrote.
 */
@Timeout(600)
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class SchemaSuiteTest {

    private static final Path DATA = Path.of(
            System.getenv().getOrDefault("MILLRACE_TEST_DATA", "."));
    private static final JsonMapper MAPPER = JsonMapper.shared();
    private static final SchemaRegistry VALIDATOR = SchemaRegistry
            .withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
    private static final int TEXTS = 3;
    private static final int TOKENS = 60;
    /** These may go up, never down. */
    private static final int ENFORCED_SCHEMAS = 166;
    private static final int ACCEPTED_VALID_TEXTS = 246;
    private static final int FINISHED_TEXTS = 430;

    private record Group(String name, JsonNode schema, JsonNode tests) {}

    private static List<Group> groups() throws IOException {
        List<Group> groups = new ArrayList<>();
        try (Stream<Path> files = Files.list(DATA.resolve("schemas/json-schema-draft2020-12"))) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                for (JsonNode group : MAPPER.readTree(file.toFile()).values()) {
                    groups.add(new Group(file.getFileName() + ": "
                            + group.get("description").stringValue(), group.get("schema"),
                            group.get("tests")));
                }
            }
        }
        return groups;
    }

    private static Optional<Grammar> grammar(Group group) {
        try {
            Grammar grammar = SchemaGrammar.of(group.schema(), false);
            new TextMatcher(grammar);
            return Optional.of(grammar);
        } catch (GrammarException refused) {
            return Optional.empty();
        }
    }

    /** A dialect of one's own would be fetched from elsewhere. */
    private static JsonNode withoutDialect(JsonNode schema) {
        return schema instanceof ObjectNode object
                ? object.deepCopy().without("$schema")
                : schema;
    }

    @Test
    void nothingInvalidIsAccepted() throws IOException {
        int enforced = 0;
        int accepted = 0;
        for (Group group : groups()) {
            Optional<Grammar> grammar = grammar(group);
            if (grammar.isEmpty()) {
                continue;
            }
            enforced++;
            TextMatcher matcher = new TextMatcher(grammar.get());
            for (JsonNode test : group.tests().values()) {
                boolean matches = matcher.matches(test.get("data").toString());
                if (matches) {
                    accepted++;
                    assertThat(test.get("valid").booleanValue()).as("%s: %s", group.name(),
                            test.get("description")).isTrue();
                }
            }
        }
        assertThat(enforced).isGreaterThanOrEqualTo(ENFORCED_SCHEMAS);
        assertThat(accepted).isGreaterThanOrEqualTo(ACCEPTED_VALID_TEXTS);
    }

    @Test
    void randomTokensUnderTheMasksMakeValidText() throws IOException {
        try (Model model = Model.open(DATA.resolve("models/stories15M-Q8_0.gguf"))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            Vocabulary vocabulary = Vocabulary.of(tokenizer, tokenizer.vocabularySize());
            TokenTrie trie = new TokenTrie(vocabulary);
            SplittableRandom random = new SplittableRandom(17);
            int finished = 0;
            for (Group group : groups()) {
                Optional<Grammar> grammar = grammar(group);
                if (grammar.isEmpty()) {
                    continue;
                }
                TokenConstraint constraint = TokenConstraint.compile(grammar.get(), trie);
                Schema schema = VALIDATOR.getSchema(withoutDialect(group.schema()));
                for (int text = 0; text < TEXTS; text++) {
                    Optional<String> made = Texts.random(constraint, vocabulary, random, TOKENS);
                    if (made.isPresent()) {
                        finished++;
                        assertThat(schema.validate(MAPPER.readTree(made.get())))
                                .as("%s: %s", group.name(), made.get()).isEmpty();
                    }
                }
            }
            assertThat(finished).isGreaterThanOrEqualTo(FINISHED_TEXTS);
        }
    }
}

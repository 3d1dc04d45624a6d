package dev.millrace.server.cli;

import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.constrain.GbnfParser;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.RegexParser;
import dev.millrace.engine.constrain.TokenConstraint;
import dev.millrace.engine.constrain.TokenTrie;
import dev.millrace.engine.constrain.schema.SchemaGrammar;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** What an answer must be. */
final class ConstraintOptions {

    @ArgGroup(exclusive = true)
    private Choice choice;

    /** At most one of these. */
    static final class Choice {

        @Option(names = "--json", description = "Answer with any JSON object.")
        private boolean json;

        @Option(names = "--json-schema", paramLabel = "FILE",
                description = "Answer with JSON that is valid under this schema.")
        private Path schema;

        @Option(names = "--grammar", paramLabel = "FILE",
                description = "Answer with a text of this grammar, in GBNF.")
        private Path grammar;

        @Option(names = "--regex", paramLabel = "R",
                description = "Answer with a text that this regular expression matches.")
        private String regex;
    }

    /**
     * The constraint, or null for none.
     *
     * @throws IllegalArgumentException if it cannot be enforced
     */
    TokenConstraint compile(Vocabulary vocabulary) throws IOException {
        return choice == null
                ? null
                : TokenConstraint.compile(grammar(), new TokenTrie(vocabulary));
    }

    private Grammar grammar() throws IOException {
        if (choice.schema != null) {
            try {
                return SchemaGrammar.of(JsonMapper.shared().readTree(
                        Files.readString(choice.schema)), false);
            } catch (JacksonException e) {
                throw new IllegalArgumentException(choice.schema + " is not valid JSON: "
                        + e.getOriginalMessage());
            }
        }
        if (choice.grammar != null) {
            return GbnfParser.parse(Files.readString(choice.grammar));
        }
        return choice.regex != null
                ? Grammar.of(RegexParser.whole(choice.regex))
                : SchemaGrammar.anyObject(false);
    }
}

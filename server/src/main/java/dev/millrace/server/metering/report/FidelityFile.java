package dev.millrace.server.metering.report;

import dev.millrace.models.store.FileProblems;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** What {@code millrace compare} found, a line of JSON each, beside the models. */
public final class FidelityFile {

    private static final JsonMapper JSON = new JsonMapper();

    private final Path file;

    /** @param home the folder of all that is kept */
    public FidelityFile(Path home) {
        this.file = home.resolve("fidelity.jsonl");
    }

    /** Keeps a finding. @throws IllegalArgumentException if it cannot be written */
    public void add(Fidelity fidelity) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(file, json(fidelity) + "\n", StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot write " + file + ": "
                    + FileProblems.describe(e), e);
        }
    }

    /**
     * The latest finding about a model, if there is any.
     *
     * @throws IllegalArgumentException if the file has been damaged; says which line
     */
    public Optional<Fidelity> of(String model) {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot read " + file + ": "
                    + FileProblems.describe(e), e);
        }
        Fidelity latest = null;
        for (int i = 0; i < lines.size(); i++) {
            Fidelity found = parse(lines.get(i), i + 1);
            latest = found.model().equals(model) ? found : latest;
        }
        return Optional.ofNullable(latest);
    }

    /** A finding as JSON has it; what is not finite is null. */
    public static ObjectNode json(Fidelity fidelity) {
        ObjectNode node = JSON.createObjectNode().put("model", fidelity.model())
                .put("reference", fidelity.reference()).put("text", fidelity.text())
                .put("positions", fidelity.positions())
                .put("same_choice", fidelity.sameChoice());
        number(node, "kl_divergence", fidelity.klDivergence());
        number(node, "perplexity", fidelity.perplexity());
        number(node, "reference_perplexity", fidelity.referencePerplexity());
        return node.put("measured", fidelity.measured().toString());
    }

    private static void number(ObjectNode node, String name, double value) {
        if (Double.isFinite(value)) {
            node.put(name, value);
        } else {
            node.putNull(name);
        }
    }

    private Fidelity parse(String line, int number) {
        try {
            JsonNode node = JSON.readTree(line);
            return new Fidelity(node.required("model").stringValue(),
                    node.required("reference").stringValue(),
                    node.required("text").stringValue(), node.required("positions").intValue(),
                    value(node, "kl_divergence"), value(node, "same_choice"),
                    value(node, "perplexity"), value(node, "reference_perplexity"),
                    LocalDate.parse(node.required("measured").stringValue()));
        } catch (JacksonException | DateTimeException e) {
            throw new IllegalArgumentException(file + ", line " + number + ", is no finding of"
                    + " 'millrace compare'; delete the line, or the file, and compare again", e);
        }
    }

    private static double value(JsonNode node, String name) {
        JsonNode value = node.required(name);
        return value.isNull() ? Double.NaN : value.doubleValue();
    }
}

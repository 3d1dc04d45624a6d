package dev.millrace.server.compatibility;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.server.compatibility.EndpointCase.Parameter;
import dev.millrace.server.compatibility.Probe.Finding;
import dev.millrace.server.compatibility.Probe.Status;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.Rows;
import dev.millrace.server.fixtures.TestStorage;
import dev.millrace.server.fixtures.Upload;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/** docs/compatibility.md says what a server does with every parameter there is. */
@Timeout(300)
class CompatibilityTest {

    private static final Path PAGE = Path.of("").toAbsolutePath()
            .resolveSibling("docs/compatibility.md");
    /** So that masks can talk the model out of its words. */
    private static final float CERTAIN = 1000;

    /** Of a model that thinks and calls. */
    private static final String TEMPLATE = "{# <think> <tool_call> #}{{ (tools or []) | tojson }}"
            + "{{ enable_thinking }}{{ reasoning_effort }}{{ messages | tojson }}";

    @TempDir
    Path folder;

    private final List<String> complaints = new ArrayList<>();

    /** {@code -Dmillrace.write.docs=true} writes the page anew instead. */
    @Test
    void thePageSaysWhatBecomesOfEveryParameter() throws Exception {
        StringBuilder page = new StringBuilder(intro());
        try (TestStorage storage = new TestStorage(folder);
                LiveServer server = LiveServer.with(new ScriptedForwardPass(
                        NextToken.answer("ok")).draws(CERTAIN)).storage(storage.storage())
                        .template(ChatTemplate.compile(TEMPLATE)).start()) {
            Probe probe = new Probe(server, ids(server));
            for (EndpointCase endpoint : EndpointCase.all()) {
                section(endpoint, probe, page);
            }
        }
        if (Boolean.getBoolean("millrace.write.docs")) {
            Files.writeString(PAGE, page);
        }

        assertThat(complaints).isEmpty();
        assertThat(Files.readString(PAGE)).as("docs/compatibility.md; write it anew with"
                + " -Dmillrace.write.docs=true").isEqualTo(page.toString());
    }

    private static String intro() throws Exception {
        try (InputStream intro = CompatibilityTest.class
                .getResourceAsStream("/compatibility/page.md")) {
            return new String(intro.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static Map<String, String> ids(LiveServer server) throws Exception {
        String file = LiveServer.json(server.send(Upload.batch(server.uri("/"), Rows.chats(1, "")))
                .body()).get("id").stringValue();
        return Map.of("FILE", file, "RESPONSE", server.answer("/v1/responses",
                "{\"model\": \"scripted\", \"input\": \"hi\"}").get("id").stringValue(), "BATCH",
                server.answer("/v1/batches", "{\"input_file_id\": \"" + file + "\", \"endpoint\":"
                        + " \"/v1/chat/completions\", \"completion_window\": \"24h\"}").get("id")
                        .stringValue());
    }

    private void section(EndpointCase endpoint, Probe probe, StringBuilder page)
            throws Exception {
        page.append("\n## ").append(endpoint.endpoint()).append("\n\n");
        if (endpoint.parameters().isEmpty()) {
            page.append("No parameters.\n");
            return;
        }
        page.append("| parameter | of | status | |\n|---|---|---|---|\n");
        Set<String> unexplained = new TreeSet<>(endpoint.noted("without_effect"));
        for (Parameter parameter : endpoint.parameters()) {
            Finding finding = probe.find(endpoint, parameter);
            unexplained.remove(parameter.name());
            page.append("| `").append(parameter.name()).append("` | ").append(parameter.group())
                    .append(" | ")
                    .append(finding.status().name().toLowerCase(Locale.ROOT).replace('_', ' '))
                    .append(" | ").append(remark(endpoint, parameter, finding, probe))
                    .append(" |\n");
        }
        unexplained.forEach(name -> complaints.add(endpoint.endpoint() + " has no " + name));
    }

    private String remark(EndpointCase endpoint, Parameter parameter, Finding finding,
            Probe probe) throws Exception {
        String reason = endpoint.note("without_effect", parameter.name()).stringValue("");
        String what = endpoint.endpoint() + " " + parameter.name() + " is " + finding.status();
        if (reason.isEmpty() == (finding.status() == Status.NO_EFFECT)) {
            complaints.add(what + (reason.isEmpty() ? " and nobody says why" : ", not without"));
        }
        JsonNode refused = endpoint.note("refused_values", parameter.name());
        if (refused.isMissingNode()) {
            return finding.status() == Status.REFUSED
                    ? finding.code()
                    : reason + endpoint.note("remarks", parameter.name()).stringValue("");
        }
        if (!probe.refuses(endpoint, parameter.name(), refused)) {
            complaints.add(what + " and takes " + refused);
        }
        return "refused: `" + new JsonMapper().writeValueAsString(refused) + "`";
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
    void noParameterOfTheDescriptionIsForgotten() throws Exception {
        JsonNode root = new JsonMapper().readTree(Files.readString(Path.of(
                System.getenv("MILLRACE_TEST_DATA"), "openapi", "openai-openapi-2.3.0.json")));
        for (EndpointCase endpoint : EndpointCase.all()) {
            if (!endpoint.schema().isEmpty()) {
                Set<String> described = new TreeSet<>();
                collect(root, root.at("/components/schemas/" + endpoint.schema()), described);

                assertThat(endpoint.parameters()).as(endpoint.endpoint())
                        .filteredOn(one -> one.group().equals("OpenAI"))
                        .extracting(Parameter::name)
                        .containsExactlyInAnyOrderElementsOf(described);
            }
        }
    }

    private static void collect(JsonNode root, JsonNode schema, Set<String> names) {
        if (schema.has("$ref")) {
            collect(root, root.at(schema.get("$ref").stringValue().substring(1)), names);
        }
        schema.path("allOf").forEach(part -> collect(root, part, names));
        schema.path("properties").properties().forEach(one -> names.add(one.getKey()));
    }
}

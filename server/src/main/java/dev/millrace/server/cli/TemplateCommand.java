package dev.millrace.server.cli;

import dev.millrace.models.Model;
import dev.millrace.models.ModelException;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.template.TemplateException;
import dev.millrace.models.text.TextSpan;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** {@code millrace template}: a model's chat template, or what templates make of conversations. */
@Command(name = "template", description = "Show a model's chat template, or render conversations.",
        footer = {
            "", "With --jsonl every line of standard input is",
            "  {\"context\": {\"messages\": [...], ...}, \"template\": \"...\"}",
            "(the template may be left out where MODEL is given), and every line of output",
            "  {\"output\": \"...\"} or {\"error\": \"...\"}."})
final class TemplateCommand implements Callable<Integer> {

    private static final Map<String, String> NO_OBJECT = Map.of("error",
            "the line is not a JSON object with \"context\" and, without a MODEL, \"template\"");

    private final CommandContext context;
    private final Map<String, ChatTemplate> compiled = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, ChatTemplate> eldest) {
            return size() > MAX_COMPILED;
        }
    };
    private static final int MAX_COMPILED = 64;

    @Spec
    private CommandSpec spec;

    @Parameters(arity = "0..1", paramLabel = "MODEL",
            description = "A model (see: millrace --help).")
    private String reference;

    @Option(names = "--jsonl", description = "Render one conversation per line of standard input.")
    private boolean jsonLines;

    TemplateCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (reference == null && !jsonLines) {
            throw new ParameterException(spec.commandLine(),
                    "a MODEL whose template to show, or --jsonl, is needed");
        }
        ChatTemplate template = reference == null ? null : templateOf(reference);
        if (jsonLines) {
            renderLines(template);
        } else {
            context.out().println(template.source());
        }
        return 0;
    }

    private ChatTemplate templateOf(String model) throws InterruptedException {
        try (Model opened = context.openModel(model)) {
            return opened.chatTemplate().orElseThrow(() -> new ModelException(model
                    + " has no chat template" + opened.chatTemplateProblem()
                            .map(why -> ": " + why).orElse("")));
        }
    }

    private void renderLines(ChatTemplate fallback) throws IOException {
        BufferedReader lines = new BufferedReader(
                new InputStreamReader(context.in(), StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (!line.isBlank()) {
                context.out().println(JsonMapper.shared().writeValueAsString(
                        render(line, fallback)));
            }
        }
    }

    private Map<String, String> render(String line, ChatTemplate fallback) {
        try {
            Map<String, Object> request = JsonMapper.shared().readValue(line,
                    new TypeReference<>() {});
            if (request == null) {
                return NO_OBJECT; // the line says null
            }
            Object source = request.get("template");
            if (source == null && fallback == null) {
                return Map.of("error", "the line has no \"template\", and no MODEL was given");
            }
            ChatTemplate template = source == null
                    ? fallback
                    : compiled.computeIfAbsent(source.toString(), ChatTemplate::compile);
            return Map.of("output", template.render(conversation(request)).stream()
                    .map(TextSpan::text).collect(Collectors.joining()));
        } catch (JacksonException e) {
            return NO_OBJECT; // the parser's own words speak of its classes
        } catch (TemplateException | IllegalArgumentException e) {
            return Map.of("error", String.valueOf(e.getMessage()));
        }
    }

    private static Map<String, Object> conversation(Map<String, Object> request) {
        if (!(request.get("context") instanceof Map<?, ?> given)) {
            throw new IllegalArgumentException("the line has no object \"context\"");
        }
        Map<String, Object> conversation = new LinkedHashMap<>();
        given.forEach((key, value) -> conversation.put((String) key, value));
        return conversation;
    }
}

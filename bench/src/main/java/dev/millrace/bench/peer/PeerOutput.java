package dev.millrace.bench.peer;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.model.ModelTest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Finds results in what llama.cpp's benchmarks print: {@code llama-bench} as a table, {@code json}
 * or {@code jsonl}, and {@code llama-batched-bench} as a table or {@code jsonl}
 * (<a href="https://github.com/ggml-org/llama.cpp/tree/master/tools">their sources</a>).
 * Other lines are skipped. Scripts of our own print the JSON lines of {@code llama-bench}, and with
 * them {@code sequences}, where several are computed together.
 */
final class PeerOutput {

    /** {@code pp512}, {@code tg 64}, {@code pp512+tg64}, each perhaps with {@code @ d2048}. */
    private static final Pattern TEST = Pattern
            .compile("(?:pp\\s*(\\d+))?\\+?(?:tg\\s*(\\d+))?(?:\\s*@\\s*d\\s*(\\d+))?");
    /** As ik_llama.cpp writes generation after a prompt. */
    private static final Pattern AFTER_PROMPT = Pattern.compile("tg(\\d+)@pp(\\d+)");
    /** A mean with its deviation, of which the mean counts. */
    private static final Pattern SPEED = Pattern.compile("([0-9.]+)\\s*(?:±.*)?");

    /** How llama-batched-bench says above its table that sequences share their prompt. */
    private static final String SHARED_PROMPTS = "is_pp_shared = 1";

    private final boolean sharedPrompts;
    private final List<PeerResult> results = new ArrayList<>();

    private PeerOutput(boolean sharedPrompts) {
        this.sharedPrompts = sharedPrompts;
    }

    /**
     * Reads a benchmark's output; nothing where it holds no result of a known form.
     *
     * @throws BenchException quoting what has a known form but no sense, or a test found twice
     */
    static List<PeerResult> parse(String text) {
        PeerOutput output = new PeerOutput(text.contains(SHARED_PROMPTS));
        output.readJson(text);
        for (Map<String, String> row : MarkdownTable.rows(text)) {
            output.readRow(row);
        }
        Set<ModelTest> seen = new HashSet<>();
        for (PeerResult result : output.results) {
            if (!seen.add(result.test())) {
                throw new BenchException("the peer measured " + result.test().label() + " more than"
                        + " once in a run; let it measure each test with one setting only");
            }
        }
        return output.results;
    }

    private void readJson(String text) {
        StringBuilder array = null;
        for (String line : text.lines().toList()) {
            if (array == null && line.startsWith("{")) {
                readObject(json(line));
            } else if (array == null && line.strip().equals("[")) {
                array = new StringBuilder();
            }
            if (array != null) {
                array.append(line).append('\n');
                if (line.strip().equals("]")) {
                    json(array.toString()).forEach(this::readObject);
                    array = null;
                }
            }
        }
        if (array != null) {
            throw new BenchException("the peer's JSON does not end: " + excerpt(array.toString()));
        }
    }

    private static JsonNode json(String text) {
        try {
            return JsonMapper.shared().readTree(text);
        } catch (JacksonException e) {
            throw new BenchException("the peer printed what is not JSON (" + e.getOriginalMessage()
                    + "): " + excerpt(text), e);
        }
    }

    private void readObject(JsonNode object) {
        String source = object.toString();
        if (object.has("n_prompt") && object.has("avg_ts")) {
            add(new ModelTest(object.path("n_prompt").asInt(), object.path("n_gen").asInt(),
                    object.path("n_depth").asInt(0), object.path("sequences").asInt(1),
                    false),
                    object.path("avg_ts").asDouble(Double.NaN), object.path("n_threads").asInt(0),
                    source);
        } else if (object.has("pl") && object.has("speed_tg")) {
            addBatch(object.path("pp").asInt(), object.path("tg").asInt(),
                    object.path("pl").asInt(), object.path("is_pp_shared").asInt() != 0,
                    object.path("speed_pp").asDouble(Double.NaN),
                    object.path("speed_tg").asDouble(Double.NaN),
                    object.path("n_threads").asInt(0), source);
        }
    }

    private void readRow(Map<String, String> row) {
        if (row.containsKey("test") && row.containsKey("t/s")) {
            int threads = row.containsKey("threads")
                    ? whole(row, "threads")
                    : PeerResult.UNKNOWN_THREADS;
            add(test(row), speed(row, "t/s"), threads, row.toString());
        } else if (row.keySet().containsAll(List.of("PP", "TG", "B", "S_PP t/s", "S_TG t/s"))) {
            int prompt = whole(row, "PP");
            int generated = whole(row, "TG");
            int sequences = whole(row, "B");
            // What took no time has no speed: "nan".
            addBatch(prompt, generated, sequences, sharedPrompts,
                    prompt > 0 ? speed(row, "S_PP t/s") : Double.NaN,
                    generated > 0 ? speed(row, "S_TG t/s") : Double.NaN,
                    PeerResult.UNKNOWN_THREADS, row.toString());
        }
    }

    private static ModelTest test(Map<String, String> row) {
        String name = row.get("test");
        Matcher afterPrompt = AFTER_PROMPT.matcher(name);
        if (afterPrompt.matches()) {
            return ModelTest.decode(number(afterPrompt, 1), number(afterPrompt, 2), 1);
        }
        Matcher matcher = TEST.matcher(name);
        if (!matcher.matches() || name.isEmpty()) {
            throw new BenchException("the peer measured a test that is not understood: \"" + name
                    + "\"; understood are pp512, tg64, pp512+tg64, each perhaps with @ d2048");
        }
        return new ModelTest(number(matcher, 1), number(matcher, 2), number(matcher, 3), 1, false);
    }

    private static int number(Matcher matcher, int group) {
        return matcher.group(group) == null ? 0 : parse(matcher.group(group), matcher.group());
    }

    private static int whole(Map<String, String> row, String column) {
        return parse(row.get(column), row.toString());
    }

    private static int parse(String number, String source) {
        try {
            return Integer.parseInt(number);
        } catch (NumberFormatException e) {
            throw new BenchException("\"" + number + "\" in the peer's output is no whole number: "
                    + excerpt(source), e);
        }
    }

    private static double speed(Map<String, String> row, String column) {
        Matcher matcher = SPEED.matcher(row.get(column));
        try {
            if (matcher.matches()) {
                return Double.parseDouble(matcher.group(1));
            }
        } catch (NumberFormatException e) {
            throw new BenchException("\"" + row.get(column) + "\" in the peer's output is no speed:"
                    + " " + excerpt(row.toString()), e);
        }
        throw new BenchException("\"" + row.get(column) + "\" in the peer's output is no speed: "
                + excerpt(row.toString()));
    }

    /** Prompts of all sequences, then tokens of all after that. */
    private void addBatch(int prompt, int generated, int sequences, boolean shared,
            double promptSpeed, double generatedSpeed, int threads, String source) {
        if (prompt > 0) {
            add(new ModelTest(prompt, 0, 0, sequences, shared && sequences > 1), promptSpeed,
                    threads, source);
        }
        if (generated > 0) {
            add(ModelTest.decode(generated, prompt, sequences), generatedSpeed, threads, source);
        }
    }

    private void add(ModelTest test, double tokensPerSecond, int threads, String source) {
        if (!(tokensPerSecond > 0) || Double.isInfinite(tokensPerSecond)) {
            throw new BenchException("the peer reached " + tokensPerSecond + " tokens/s in "
                    + test.label() + ", which cannot be: " + excerpt(source));
        }
        results.add(new PeerResult(test, tokensPerSecond, threads));
    }

    private static String excerpt(String text) {
        return PeerProcess.lastCharacters(text);
    }
}

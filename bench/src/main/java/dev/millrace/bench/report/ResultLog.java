package dev.millrace.bench.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Appends one JSON line per result, so that a file of results is a history. */
public final class ResultLog {

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path file;
    private final Hardware hardware;

    public ResultLog(Path file, Hardware hardware) {
        this.file = file;
        this.hardware = hardware;
    }

    /** Appends a result and returns it; the machine, the commit and the time are added. */
    public JsonNode append(String benchmark, Map<String, Object> result) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("benchmark", benchmark);
        line.putAll(result);
        line.put("hardware", hardware);
        line.put("at", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        if (file.toAbsolutePath().getParent() != null) {
            Files.createDirectories(file.toAbsolutePath().getParent());
        }
        Files.writeString(file, JSON.writeValueAsString(line) + "\n", StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
        return JSON.valueToTree(line);
    }
}

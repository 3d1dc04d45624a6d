package dev.millrace.server.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Runs commands in this process and catches what they print. */
final class CommandLineFixture {

    private final Map<String, String> environment = new HashMap<>();
    private String input = "";

    /** What a command printed and how it ended. */
    record Result(int status, String out, String err) {

        List<String> errorLines() {
            return err.strip().lines().toList();
        }
    }

    /** @param home the folder of models and everything else */
    CommandLineFixture(Path home) {
        environment.put("MILLRACE_HOME", home.toString());
    }

    CommandLineFixture with(String variable, String value) {
        environment.put(variable, value);
        return this;
    }

    CommandLineFixture typing(String text) {
        input = text;
        return this;
    }

    Result run(Object... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        String[] words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        CommandContext context = new CommandContext(
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), false, 0, environment);
        int status = new CommandLineProgram(context).run(words);
        return new Result(status, out.toString(StandardCharsets.UTF_8),
                err.toString(StandardCharsets.UTF_8));
    }
}

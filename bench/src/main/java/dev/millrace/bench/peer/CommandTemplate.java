package dev.millrace.bench.peer;

import java.util.Map;

/** A command for the shell with placeholders such as {@code {model}}. */
public record CommandTemplate(String text) {

    /**
     * The command as the shell gets it.
     *
     * @param values by placeholder, without braces; quoted where the shell would split them
     */
    public String filled(Map<String, Object> values) {
        String command = text;
        for (Map.Entry<String, Object> value : values.entrySet()) {
            String word = value.getValue().toString();
            command = command.replace("{" + value.getKey() + "}",
                    value.getValue() instanceof Number ? word : quoted(word));
        }
        return command;
    }

    private static String quoted(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }
}

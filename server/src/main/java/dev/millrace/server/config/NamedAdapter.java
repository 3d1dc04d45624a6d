package dev.millrace.server.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A LoRA adapter that is to be served.
 *
 * @param name what clients write after the model's name and a colon
 * @param path a directory as PEFT writes it, or a GGUF file
 */
public record NamedAdapter(String name, Path path) {

    /** What a name may be, for messages. */
    public static final String ALLOWED_NAMES = "1 to 64 letters, digits, dots, dashes or"
            + " underscores";
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");
    /** A comma between two of them; a path may have commas too. */
    static final Pattern COMMA = Pattern.compile("\\s*,\\s*(?=[A-Za-z0-9._-]{1,64}=)");

    /** @throws IllegalArgumentException if the name is none that clients could write */
    public NamedAdapter {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("an adapter's name must be " + ALLOWED_NAMES
                    + ", got \"" + name + "\"");
        }
    }

    /**
     * Reads {@code NAME=PATH}, or several with commas.
     *
     * @throws IllegalArgumentException if it is anything else, or a name comes twice
     */
    static List<NamedAdapter> parse(String text) {
        List<NamedAdapter> adapters = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (String one : COMMA.split(text)) {
            int equals = one.indexOf('=');
            if (equals < 1 || equals == one.length() - 1) {
                throw new IllegalArgumentException("it must be NAME=PATH, got \"" + one + "\"");
            }
            NamedAdapter adapter = new NamedAdapter(one.substring(0, equals),
                    Path.of(one.substring(equals + 1)));
            if (!names.add(adapter.name)) {
                throw new IllegalArgumentException("two adapters are called " + adapter.name);
            }
            adapters.add(adapter);
        }
        return adapters;
    }
}

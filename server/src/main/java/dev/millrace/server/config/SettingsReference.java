package dev.millrace.server.config;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What each setting means and is without anybody's word, as the commented example of
 * {@code millrace.yaml} has it, which is part of the program.
 */
public final class SettingsReference {

    private static final String EXAMPLE = "/millrace.example.yaml";
    /** The page around the tables. */
    private static final String PAGE = "configuration.md";
    /** {@code key: value # meaning}; with a # in front where the value is but an example. */
    private static final Pattern ENTRY = Pattern
            .compile("(# )?( *[a-z_]+):(?: (.*?))?(?: +# (.*))?");
    private static final Pattern MORE = Pattern.compile(" {12,}# (.*)");
    private static final String COST = "cost";

    private final Map<Setting, Described> settings = new EnumMap<>(Setting.class);
    private final List<CostKey> costKeys = new ArrayList<>();

    /**
     * A setting as the example has it.
     *
     * @param value   what it is by default; an example of it where there is no default
     * @param given   whether it has a default
     * @param meaning in a line of Markdown
     */
    public record Described(String value, boolean given, String meaning) {}

    /** A key of the section {@code cost} with the value of the default profile. */
    private record CostKey(String key, String value) {}

    private SettingsReference() {}

    /** Reads the example. */
    public static SettingsReference read() {
        SettingsReference reference = new SettingsReference();
        reference.parse(resource(EXAMPLE).lines().toList());
        return reference;
    }

    private static String resource(String name) {
        try (InputStream stream = SettingsReference.class.getResourceAsStream(name)) {
            if (stream == null) {
                throw new IllegalStateException("the program lacks its resource " + name);
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the resource " + name, e);
        }
    }

    private void parse(List<String> lines) {
        boolean cost = false;
        Setting last = null;
        for (String line : lines) {
            Matcher more = MORE.matcher(line);
            Matcher entry = ENTRY.matcher(line);
            if (more.matches() && last != null) {
                Described before = settings.get(last);
                settings.put(last, new Described(before.value(), before.given(),
                        (before.meaning() + " " + more.group(1)).strip()));
            } else if (entry.matches()) {
                String key = entry.group(2).strip();
                String value = entry.group(3) == null ? "" : entry.group(3).strip();
                cost |= key.equals(COST);
                last = Setting.ofKey(key).orElse(null);
                if (last != null && !cost) {
                    settings.put(last, new Described(value, entry.group(1) == null,
                            entry.group(4) == null ? "" : entry.group(4)));
                } else if (cost && !key.equals(COST) && entry.group(1) == null) {
                    costKeys.add(new CostKey(key, value));
                }
            }
        }
    }

    /** @throws IllegalStateException if the example forgets the setting */
    public Described of(Setting setting) {
        Described described = settings.get(setting);
        if (described == null) {
            throw new IllegalStateException("the example of millrace.yaml forgets "
                    + setting.key());
        }
        return described;
    }

    /** The reference for people, as Markdown. */
    public String markdown() {
        StringBuilder rows = new StringBuilder();
        for (Setting setting : Setting.values()) {
            Described described = of(setting);
            row(rows, code(setting.key()), described.given() ? code(described.value()) : "",
                    meaning(described).replace("|", "\\|"), code(setting.variable()),
                    setting == Setting.MODEL ? "argument" : code(setting.flag()));
        }
        StringBuilder cost = new StringBuilder();
        costKeys.forEach(one -> row(cost, code(one.key()), code(one.value())));
        return resource(PAGE).replace("<!-- settings -->\n", rows)
                .replace("<!-- cost -->\n", cost);
    }

    private static void row(StringBuilder rows, String... cells) {
        rows.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }

    private static String code(String text) {
        return "`" + text + "`";
    }

    private static String meaning(Described described) {
        return described.given()
                ? described.meaning()
                : (described.meaning() + " (such as `" + described.value() + "`)").strip();
    }
}

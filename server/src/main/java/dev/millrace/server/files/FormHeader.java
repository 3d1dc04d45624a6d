package dev.millrace.server.files;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The parameters of a header such as {@code form-data; name="file"; filename="a.jsonl"}. */
final class FormHeader {

    private static final Pattern PARAMETER = Pattern.compile(
            ";\\s*([A-Za-z0-9*_-]{1,32})\\s*=\\s*(?:\"((?:[^\"\\\\]|\\\\.)*+)\"|([^;\\s\"]*+))");

    private FormHeader() {}

    /** A parameter's value, its quotes undone; empty if there is none of that name. */
    static Optional<String> parameter(String header, String name) {
        Matcher matcher = PARAMETER.matcher(header == null ? "" : header);
        while (matcher.find()) {
            if (matcher.group(1).equalsIgnoreCase(name)) {
                String quoted = matcher.group(2);
                // Browsers escape as HTML's form submission says: only the quote and line ends.
                return Optional.of(quoted == null
                        ? matcher.group(3)
                        : quoted.replace("\\\"", "\"").replace("%22", "\"").replace("%0D", "\r")
                                .replace("%0A", "\n"));
            }
        }
        return Optional.empty();
    }
}

package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.RegexParser;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Named formats as regular expressions. Each allows nothing that its standard forbids; of rare
 * forms (comments in mail addresses, hosts in brackets) it generates none.
 */
final class StringFormats {

    private static final String YEAR = "(?:\\d{4})";
    private static final String LEAP_YEAR = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])"
            + "|(?:[02468][048]|[13579][26])00)";
    private static final String DATE = "(?:" + YEAR + "-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|"
            + "3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|" + LEAP_YEAR
            + "-02-29)";
    private static final String TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?"
            + "(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
    private static final String BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private static final String IPV4 = BYTE + "(?:\\." + BYTE + "){3}";
    private static final String LABEL = "[A-Za-z0-9](?:-?[A-Za-z0-9]){0,30}";
    private static final String HOST = LABEL + "(?:\\." + LABEL + "){0,5}";
    private static final String MAILBOX = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,24}"
            + "(?:\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}){0,2}";
    private static final String SAFE = "[A-Za-z0-9._~!$&'()*+,;=:@-]";
    private static final String URI = "[a-z][a-z0-9+.-]{1,9}://" + HOST + "(?::[1-9]\\d{0,3})?"
            + "(?:/" + SAFE + "*)*(?:\\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?(?:#" + SAFE + "*)?";
    private static final String SPAN = "\\d{1,6}";

    private static final Map<String, String> PATTERNS = new TreeMap<>(Map.ofEntries(
            Map.entry("date", DATE), Map.entry("time", TIME),
            Map.entry("date-time", DATE + "T" + TIME),
            Map.entry("duration", "P(?:" + SPAN + "W|" + SPAN + "Y(?:" + SPAN + "M(?:" + SPAN
                    + "D)?)?|" + SPAN + "M(?:" + SPAN + "D)?|" + SPAN + "D|(?:" + SPAN + "D)?T(?:"
                    + SPAN + "H(?:" + SPAN + "M(?:" + SPAN + "S)?)?|" + SPAN + "M(?:" + SPAN
                    + "S)?|" + SPAN + "S))"),
            Map.entry("uuid", "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
            Map.entry("ipv4", IPV4), Map.entry("ipv6", ipv6()), Map.entry("hostname", HOST),
            Map.entry("email", MAILBOX + "@" + LABEL + "(?:\\." + LABEL + "){1,4}"),
            Map.entry("uri", URI)));

    private StringFormats() {}

    private static String ipv6() {
        String group = "[0-9a-f]{1,4}";
        List<String> forms = new ArrayList<>();
        forms.add(groups(group, 8));
        for (int before = 0; before <= 6; before++) {
            for (int after = 0; before + after <= 6; after++) {
                forms.add(groups(group, before) + "::" + groups(group, after));
            }
        }
        return String.join("|", forms);
    }

    private static String groups(String group, int count) {
        return count == 0 ? "" : group + "(?::" + group + "){" + (count - 1) + "}";
    }

    /** @throws GrammarException if the format cannot be enforced */
    static void require(String format, String path) {
        if (!PATTERNS.containsKey(format)) {
            throw new GrammarException(path + ".format " + format + " is not supported; supported"
                    + " are " + String.join(", ", PATTERNS.keySet()));
        }
    }

    static Expression expression(String format) {
        return RegexParser.whole(PATTERNS.get(format));
    }
}

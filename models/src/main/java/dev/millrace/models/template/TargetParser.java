package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Parses what is assigned to: names, tuples of them, attributes of namespaces. */
final class TargetParser {

    private static final Set<String> CONSTANTS = Set.of("true", "false", "none", "True", "False",
            "None");

    private final TokenStream tokens;

    TargetParser(TokenStream tokens) {
        this.tokens = tokens;
    }

    /** A name that can be assigned to. */
    String name() {
        Token token = tokens.expect(Token.Kind.NAME, "a name");
        if (CONSTANTS.contains(token.text())) {
            throw tokens.error("cannot assign to '" + token.text() + "'");
        }
        return token.text();
    }

    /** One name, or one tuple in parentheses. */
    Target one() {
        return target(false);
    }

    /** One target, or several with commas between them. */
    Target several() {
        return targets(false);
    }

    /** Like {@link #several}, where {@code namespace.attribute} is a target too. */
    Target severalOrAttributes() {
        return targets(true);
    }

    private Target targets(boolean mayBeAttribute) {
        List<Target> targets = new ArrayList<>();
        targets.add(target(mayBeAttribute));
        boolean several = false;
        while (tokens.acceptOperator(",")) {
            several = true;
            if (tokens.atName("in") || tokens.atOperator("=") || tokens.atOperator(")")) {
                break;
            }
            targets.add(target(mayBeAttribute));
        }
        return several ? new Target.Several(targets) : targets.getFirst();
    }

    private Target target(boolean mayBeAttribute) {
        if (tokens.acceptOperator("(")) {
            tokens.descend();
            Target inner = targets(mayBeAttribute);
            tokens.ascend();
            tokens.expectOperator(")");
            return inner;
        }
        String name = name();
        if (mayBeAttribute && tokens.acceptOperator(".")) {
            String attribute = tokens.expect(Token.Kind.NAME, "the name of an attribute").text();
            return new Target.Attribute(name, Text.trusted(attribute));
        }
        return new Target.Name(name);
    }
}

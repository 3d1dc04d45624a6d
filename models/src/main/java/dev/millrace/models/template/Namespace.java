package dev.millrace.models.template;

import java.util.HashMap;
import java.util.Map;

/** Jinja's namespace(): the only value whose attributes a template can assign. */
final class Namespace {

    private final Map<Text, Object> attributes = new HashMap<>();

    Map<Text, Object> attributes() {
        return attributes;
    }
}

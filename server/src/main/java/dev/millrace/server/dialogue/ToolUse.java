package dev.millrace.server.dialogue;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which tools a turn may call.
 *
 * @param tools    at least one
 * @param required whether it must call one, rather than say something
 * @param parallel whether it may call several
 */
public record ToolUse(List<Tool> tools, boolean required, boolean parallel) {

    public ToolUse {
        tools = List.copyOf(tools);
    }

    Set<String> names() {
        return tools.stream().map(Tool::name).collect(Collectors.toSet());
    }
}

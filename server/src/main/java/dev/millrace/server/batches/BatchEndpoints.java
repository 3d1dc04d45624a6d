package dev.millrace.server.batches;

import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The endpoints that rows may be for, with what answers them: the same that answers clients. */
public final class BatchEndpoints {

    private static final Set<String> TIERS = Set.of("auto", "flex");

    private final Map<String, Exchange.JsonWork> tiered;
    private final Map<String, Exchange.JsonWork> others;

    /**
     * @param tiered by their paths; they know {@code service_tier}
     * @param others that know none
     */
    public BatchEndpoints(Map<String, Exchange.JsonWork> tiered,
            Map<String, Exchange.JsonWork> others) {
        this.tiered = Map.copyOf(tiered);
        this.others = Map.copyOf(others);
    }

    /** Their paths. */
    List<String> paths() {
        return Stream.concat(tiered.keySet().stream(), others.keySet().stream())
                .sorted().toList();
    }

    /**
     * Answers a row, at the tier that everything else goes before.
     *
     * @throws ApiException if it cannot be done, now or ever
     * @throws IOException  if nobody wants it any more
     */
    JsonNode answer(String endpoint, ObjectNode body, Caller caller)
            throws IOException, InterruptedException {
        Fields fields = new Fields(body);
        if (fields.flag("stream", false)) {
            throw ApiException.unsupported("stream",
                    "rows of a batch are not streamed; leave out stream");
        }
        Exchange.JsonWork work = tiered.get(endpoint);
        if (work == null) {
            return others.get(endpoint).run(fields, caller);
        }
        if (!TIERS.contains(fields.text("service_tier", "auto"))) {
            throw ApiException.invalid("service_tier", "rows of a batch are served at the tier"
                    + " flex; leave out service_tier");
        }
        return work.run(new Fields(body.deepCopy().put("service_tier", "flex")), caller);
    }
}

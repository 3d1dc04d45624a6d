package dev.millrace.server.openai.completion;

import dev.millrace.engine.FinishReason;
import dev.millrace.server.dialogue.Turn;
import dev.millrace.server.openai.wire.Json;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What whole answers and stream chunks of both endpoints have in common. */
final class Answer {

    private Answer() {}

    /** A whole answer. */
    static ObjectNode whole(CompletionJob job, ArrayNode choices, JsonNode usage) {
        ObjectNode answer = frame(job, job.format().wholeObject());
        answer.set("choices", choices);
        answer.set("usage", usage);
        return answer;
    }

    /** A chunk with one choice; {@code usage} is null in all of them where it was asked for. */
    static ObjectNode chunk(CompletionJob job, ObjectNode choice) {
        ObjectNode chunk = frame(job, job.format().chunkObject());
        chunk.putArray("choices").add(choice);
        if (job.options().includeUsage()) {
            chunk.putNull("usage");
        }
        return chunk;
    }

    /** The chunk with the usage and no choices. */
    static ObjectNode usageChunk(CompletionJob job, JsonNode usage) {
        ObjectNode chunk = frame(job, job.format().chunkObject());
        chunk.putArray("choices");
        chunk.set("usage", usage);
        return chunk;
    }

    private static ObjectNode frame(CompletionJob job, String object) {
        ObjectNode frame = Json.object().put("id", job.id()).put("object", object)
                .put("created", job.createdSeconds()).put("model", job.model().id());
        return job.format() instanceof ChatFormat
                ? frame.put("service_tier", job.tierName())
                : frame;
    }

    /** OpenAI's word for how a completion ended; only those that ended well have one. */
    static String finishReason(FinishReason reason, Turn turn) {
        return switch (reason) {
            case STOP -> turn.called() ? "tool_calls" : "stop";
            case LENGTH, DEADLINE -> "length";
            case CANCELLED, FAILED -> throw new IllegalStateException(
                    "a completion that was " + reason + " has no finish_reason");
        };
    }
}

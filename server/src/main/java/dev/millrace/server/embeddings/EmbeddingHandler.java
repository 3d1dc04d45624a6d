package dev.millrace.server.embeddings;

import dev.millrace.engine.forward.UnitLength;
import dev.millrace.models.text.EncoderInput;
import dev.millrace.server.embeddings.Embeddings.Embedded;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.request.LabelsReader;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code /v1/embeddings}, in OpenAI's words. */
public final class EmbeddingHandler {

    public static final String ENDPOINT = "/v1/embeddings";

    private final Embeddings embeddings;

    public EmbeddingHandler(Embeddings embeddings) {
        this.embeddings = embeddings;
    }

    /**
     * Answers a body of {@code /v1/embeddings}.
     *
     * @throws ApiException 400 that names the field, 404, or 503
     * @throws IOException  if the client vanished
     */
    public ObjectNode answer(Fields body, Caller caller) throws IOException, InterruptedException {
        return answer(body, ENDPOINT, caller);
    }

    /** The same for another dialect. @param endpoint the client's, for the ledger */
    public ObjectNode answer(Fields body, String endpoint, Caller caller)
            throws IOException, InterruptedException {
        VectorModel model = embeddings.require(body.text("model"), caller);
        refuse(body, "truncate_prompt_tokens");
        requireTrue(body, "add_special_tokens");
        requireTrue(body, "normalize");
        String format = body.text("encoding_format", "float");
        if (!format.equals("float") && !format.equals("base64")) {
            throw ApiException.invalid("encoding_format",
                    "encoding_format must be float or base64, got \"" + Fields.shown(format)
                            + "\"");
        }
        int dimensions = (int) body.integer("dimensions", 1, model.dimensions(),
                model.dimensions());
        List<int[]> texts = EmbeddingInput.read(body, "input", model);
        Embedded embedded = embeddings.embed(model,
                texts.stream().map(EncoderInput::of).toList(), "input", endpoint, "embd-",
                LabelsReader.read(body, caller), caller);
        ObjectNode answer = Json.object().put("object", "list");
        ArrayNode data = answer.putArray("data");
        for (int i = 0; i < embedded.vectors().length; i++) {
            float[] vector = shortened(embedded.vectors()[i], dimensions);
            ObjectNode entry = data.addObject().put("object", "embedding").put("index", i);
            if (format.equals("base64")) {
                entry.put("embedding", base64(vector));
            } else {
                ArrayNode numbers = entry.putArray("embedding");
                for (float element : vector) {
                    numbers.add(element);
                }
            }
        }
        answer.put("model", model.id());
        answer.set("usage", embedded.usage());
        return answer;
    }

    private static void refuse(Fields body, String name) {
        if (body.has(name)) {
            throw ApiException.unsupported(name, name + " is not supported by this server, which"
                    + " never cuts a text; leave it out");
        }
    }

    private static void requireTrue(Fields body, String name) {
        if (!body.flag(name, true)) {
            throw ApiException.unsupported(name, name + ": false is not supported by this server;"
                    + " leave it out");
        }
    }

    /** The first dimensions at length one, as OpenAI shortens vectors. */
    static float[] shortened(float[] vector, int dimensions) {
        return dimensions == vector.length
                ? vector
                : UnitLength.scale(Arrays.copyOf(vector, dimensions));
    }

    /** 32-bit floats, the least significant byte first. */
    private static String base64(float[] vector) {
        ByteBuffer bytes = ByteBuffer.allocate(vector.length * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(vector);
        return Base64.getEncoder().encodeToString(bytes.array());
    }
}

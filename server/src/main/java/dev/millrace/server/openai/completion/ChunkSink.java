package dev.millrace.server.openai.completion;

import dev.millrace.server.openai.wire.ApiException;
import java.io.IOException;
import tools.jackson.databind.node.ObjectNode;

/**
 * Where the chunks of a streamed answer go: to a client as they are, or into another dialect's
 * words. Chunks are OpenAI's; the last one carries the usage and no choices where it was asked for.
 */
public interface ChunkSink {

    /** Told once, before all else, that nothing refuses the request any more. */
    default void accepted(String id) throws IOException {}

    /** Told once, before the first chunk, when all generations are under way. */
    default void begin(int promptTokens) throws IOException {}

    /** A choice ends because this stop sequence matched; told before its last chunk. */
    default void stopped(String stopSequence) throws IOException {}

    /** A chunk. @throws IOException if the client vanished; its generations are cancelled */
    void send(ObjectNode chunk) throws IOException;

    /** Nothing has come for a moment; a sink may say so, to keep the connection open. */
    void keepAlive() throws IOException;

    /** Whether the client has been sent anything, so that an error must go into the stream. */
    boolean started();

    /** The answer failed after its start. */
    void fail(ApiException failure) throws IOException;

    /** All has been sent and paid for. */
    void done() throws IOException;
}

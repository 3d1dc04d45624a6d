package dev.millrace.engine;

import dev.millrace.engine.fixtures.Requests;
import java.util.stream.IntStream;

/** Sequences for tests of the pieces below the engine. */
final class Sequences {

    static final int VOCABULARY_SIZE = 1000;

    private Sequences() {}

    /** A sequence whose prompt is {@code tokens}, the {@code arrival}-th to be submitted. */
    static Sequence of(long arrival, int... tokens) {
        return of(arrival, Requests.of("r" + arrival, tokens, 100));
    }

    /** A sequence of {@code count} tokens like nobody else's. */
    static Sequence ofLength(long arrival, int count) {
        return of(arrival, IntStream.range(0, count).map(i -> (int) arrival * 37 + i).toArray());
    }

    static Sequence of(long arrival, GenerationRequest request) {
        return of(arrival, request, Speculation.OFF);
    }

    static Sequence of(long arrival, GenerationRequest request, Speculation speculation) {
        return of(0, arrival, request, speculation);
    }

    static Sequence submittedAt(long nanos, long arrival, GenerationRequest request) {
        return of(nanos, arrival, request, Speculation.OFF);
    }

    private static Sequence of(long nanos, long arrival, GenerationRequest request,
            Speculation speculation) {
        int limit = request.prompt().length + request.maxTokens();
        Sequence sequence = new Sequence(request, limit, 2, speculation, new Reply(request,
                Vocabulary.idsOnly(VOCABULARY_SIZE), request.maxTokens(), nanos));
        sequence.arrive(arrival);
        return sequence;
    }
}

package dev.millrace.models.safetensors;

import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/** Parsers for JSON that others wrote: limits on everything, and no key twice. */
final class StrictJson {

    /** Objects of objects of lists; what is deeper is none of ours. */
    private static final int MOST_DEPTH = 8;
    private static final int MOST_NAME_CHARACTERS = 4096;
    private static final int MOST_STRING_CHARACTERS = 1 << 20;
    /** Enough for 2^63. */
    private static final int MOST_NUMBER_CHARACTERS = 20;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MOST_DEPTH)
                    .maxNameLength(MOST_NAME_CHARACTERS)
                    .maxStringLength(MOST_STRING_CHARACTERS)
                    .maxNumberLength(MOST_NUMBER_CHARACTERS)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private StrictJson() {}

    static JsonParser parser(byte[] json) {
        return FACTORY.createParser(ObjectReadContext.empty(), json);
    }
}

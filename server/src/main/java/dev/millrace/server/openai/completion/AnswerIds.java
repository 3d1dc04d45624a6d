package dev.millrace.server.openai.completion;

import java.util.UUID;

/** Gives a request its id: the answer's, the engine's and the ledger's. */
@FunctionalInterface
public interface AnswerIds {

    /** One that no other request has ever had. */
    AnswerIds RANDOM = prefix -> prefix + UUID.randomUUID().toString().replace("-", "");

    /** @param prefix of the kind of answer, such as {@code chatcmpl-} */
    String next(String prefix);
}

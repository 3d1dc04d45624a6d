package dev.millrace.server.embeddings;

import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.openai.model.ListedModel;
import java.util.List;

/** A model in the eyes of those who want vectors of it, whatever it is otherwise. */
public sealed interface VectorModel permits EmbeddingModel, GeneratingModel {

    /** As clients see it. */
    ListedModel listed();

    /** Its text in. */
    Tokenizer tokenizer();

    /** Token ids are below it. */
    int vocabularySize();

    /** Of its vectors. */
    int dimensions();

    /** The name that requests use. */
    default String id() {
        return listed().id();
    }

    /** Of the longest text. */
    default int contextTokens() {
        return listed().contextTokens();
    }

    /** Whether it scores pairs of texts and makes no vectors. */
    default boolean scores() {
        return false;
    }

    /** The tokens of a text, in which nothing is special, as the model wants them. */
    default int[] tokens(String text) {
        return tokenizer().encodeWhole(List.of(new TextSpan(text, false)));
    }
}

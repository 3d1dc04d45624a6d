package dev.millrace.server.embeddings;

import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.openai.model.ListedModel;
import dev.millrace.server.openai.model.ServedModel;

/** A model that was made to generate: its normed state after a text's last token is the vector. */
record GeneratingModel(ServedModel model) implements VectorModel {

    @Override
    public ListedModel listed() {
        return model;
    }

    @Override
    public Tokenizer tokenizer() {
        return model.tokenizer();
    }

    @Override
    public int vocabularySize() {
        return model.spec().vocabularySize();
    }

    @Override
    public int dimensions() {
        return model.spec().embeddingSize();
    }
}

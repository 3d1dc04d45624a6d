package dev.millrace.engine.constrain;

/** What completions must satisfy; shared by any number of them. */
public interface CompletionConstraint {

    /** Tokens of the vocabulary that it was compiled for. */
    int vocabularySize();

    /** A matcher that stands before the first token. */
    CompletionMatcher start();
}

package dev.millrace.engine.embedding;

import dev.millrace.engine.FinishedRequest;

/**
 * How a request ended.
 *
 * @param vectors one for each text, (texts, dimensions), or (texts, 1) where they are
 *                scored; null unless the request ended well
 */
public record EmbeddingResult(float[][] vectors, FinishedRequest finished) {}

package dev.millrace.bench.gpu;

import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.nio.file.Path;

/**
 * A model that is measured.
 *
 * @param file where it is; null for one of random weights
 */
record Subject(String name, ModelSpec spec, Weights weights, Path file) {}

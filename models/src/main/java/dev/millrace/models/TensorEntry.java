package dev.millrace.models;

import dev.millrace.kernels.TensorShape;

/**
 * One line of a model file's table of contents.
 *
 * @param type       the file's own name for the element layout, such as {@code Q4_K}
 * @param bytes      as the tensor lies in the file
 * @param computable whether a kernel exists for the type
 */
public record TensorEntry(String name, String type, TensorShape shape, long bytes,
        boolean computable) {}

package dev.millrace.models;

import java.nio.file.Path;

/**
 * The files that weights lie in, unchanged, as bytes.
 *
 * @param file     the first of them
 * @param identity tells them from files with other weights: sizes, times of the last change, a
 *                 checksum of the descriptions and of samples of the rest
 */
public record WeightSource(Path file, String identity) {}

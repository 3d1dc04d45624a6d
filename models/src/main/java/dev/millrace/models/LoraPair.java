package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;

/**
 * A low-rank change of one projection (Hu et al., "LoRA: Low-Rank Adaptation of Large Language
 * Models", 2021): what it adds to {@code W x} is {@code scale * B (A x)}.
 *
 * @param a     (rank, inputs)
 * @param b     (outputs, rank); queries and keys in the order of the model's own rows
 * @param scale alpha over rank, or over its root
 */
public record LoraPair(QuantTensor a, QuantTensor b, float scale) {

    /** The width between the two matrices. */
    public int rank() {
        return (int) a.shape().rows();
    }
}

package dev.millrace.kernels;

/**
 * A matrix whose columns lie in an order of their own: those that share a scale side by side.
 *
 * @param tensor of which column i is what input {@code order[i]} is multiplied by
 * @param order  of all columns, each once
 */
public record OrderedTensor(QuantTensor tensor, int[] order) {

    public OrderedTensor {
        if (order.length != tensor.shape().columns()) {
            throw new IllegalArgumentException("an order of " + order.length
                    + " columns does not fit a " + tensor.shape() + " tensor");
        }
    }
}

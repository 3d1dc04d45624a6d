package dev.millrace.kernels.cuda;

/**
 * The order that activations are brought into before they are multiplied by matrices whose columns
 * lie in it.
 *
 * @param indices address of (columns) ints: which activation comes where
 * @param scratch address of prepared rows, of as many as the product has, in that order
 */
public record ColumnOrder(long indices, long scratch) {

    /** Columns that lie as activations do. */
    public static final ColumnOrder NONE = new ColumnOrder(0, 0);
}

package dev.millrace.bench;

/** Outputs x inputs of a weight, as {@code 4096x2048}. */
public record MatrixShape(int outputs, int inputs) {

    /** @throws IllegalArgumentException if the text is not two positive numbers around an x */
    public static MatrixShape parse(String text) {
        String[] sides = text.split("x", -1);
        try {
            if (sides.length == 2) {
                MatrixShape shape = new MatrixShape(Integer.parseInt(sides[0]),
                        Integer.parseInt(sides[1]));
                if (shape.outputs > 0 && shape.inputs > 0) {
                    return shape;
                }
            }
        } catch (NumberFormatException e) {
            throw wrong(text, e);
        }
        throw wrong(text, null);
    }

    private static IllegalArgumentException wrong(String text, Exception cause) {
        return new IllegalArgumentException("a shape is outputs x inputs, such as 4096x2048, got \""
                + text + "\"", cause);
    }

    public long elements() {
        return (long) outputs * inputs;
    }

    /** Multiply-adds of a product with so many rows of activations. */
    public long macs(int rows) {
        return elements() * rows;
    }

    @Override
    public String toString() {
        return outputs + "x" + inputs;
    }
}

package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;

/** The file's own tensor, unpacked: the reference borrows it and owns nothing. */
record ScalarMatrix(QuantTensor tensor) implements CpuMatrix {

    @Override
    public QuantFormat format() {
        return tensor.format();
    }

    @Override
    public int rows() {
        return (int) tensor.shape().rows();
    }

    @Override
    public int columns() {
        return (int) tensor.shape().columns();
    }

    @Override
    public int rowTile() {
        return 1;
    }

    @Override
    public long bytes() {
        return 0;
    }

    @Override
    public void close() {
        // The model file owns the tensor.
    }
}

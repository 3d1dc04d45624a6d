package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantFormat;

/** A weight in the private layout of the kernels that packed it; only they can read it. */
public sealed interface CpuMatrix extends AutoCloseable
        permits NativeMatrix, PackedMatrix, ScalarMatrix {

    /** The format it was packed from. */
    QuantFormat format();

    /** Outputs. */
    int rows();

    /** Inputs. */
    int columns();

    /** Work on outputs is split at multiples of this. */
    int rowTile();

    /** Memory that it takes, in bytes; 0 if it borrows the file's. */
    long bytes();

    @Override
    void close();
}

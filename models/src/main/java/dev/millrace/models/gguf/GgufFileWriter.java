package dev.millrace.models.gguf;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a GGUF file of version 3 as a stream: everything is declared first, then each tensor is
 * asked for its bytes piece by piece, so that no more than a piece is ever in memory.
 */
public final class GgufFileWriter {

    /** Most bytes that a tensor is asked for at once. */
    static final int PIECE_BYTES = 4 << 20;
    private static final int VERSION = 3;
    private static final int ALIGNMENT = (int) GgufHeader.DEFAULT_ALIGNMENT_BYTES;

    /** Where a tensor's bytes come from. */
    @FunctionalInterface
    public interface Source {
        /** Fills the whole piece, a whole number of blocks, with the bytes that come next. */
        void fill(MemorySegment piece) throws IOException;
    }

    private record Declared(byte[] info, long bytes, int blockBytes, Source source) {}

    private final GgufEntries metadata = new GgufEntries();
    private final List<Declared> tensors = new ArrayList<>();
    private long dataBytes;

    /** The metadata to be written; open to additions until {@link #write}. */
    public GgufEntries metadata() {
        return metadata;
    }

    /**
     * Declares the next tensor; a vector where it has one row, a bank where it has planes.
     *
     * @throws IllegalArgumentException if a row is not a whole number of blocks, or the kernels do
     *                                  not know the type
     */
    public void tensor(String name, GgufTensorType type, TensorShape shape, Source source) {
        var format = type.format().orElseThrow(() -> new IllegalArgumentException("tensor "
                + name + " would be " + type + "; types that can be written are "
                + GgufTensorType.computable()));
        long bytes = QuantTensor.bytes(format, shape);
        long[] dimensions = shape.planes() > 1
                ? new long[]{shape.columns(), shape.rows(), shape.planes()}
                : shape.rows() > 1
                        ? new long[]{shape.columns(), shape.rows()}
                        : new long[]{shape.columns()};
        tensors.add(new Declared(GgufPreamble.tensor(name, type.code(), dataBytes, dimensions),
                bytes, type.blockBytes(), source));
        dataBytes = aligned(Math.addExact(dataBytes, bytes));
    }

    /** Size of the file. */
    public long totalBytes() {
        return header().length + dataBytes;
    }

    /** Writes the whole file. */
    public void write(WritableByteChannel out) throws IOException {
        writeAll(out, ByteBuffer.wrap(header()));
        try (Arena arena = Arena.ofShared()) {
            MemorySegment buffer = arena.allocate(PIECE_BYTES, 64);
            for (Declared tensor : tensors) {
                write(out, tensor, buffer);
            }
        }
    }

    private static void write(WritableByteChannel out, Declared tensor, MemorySegment buffer)
            throws IOException {
        long most = PIECE_BYTES / tensor.blockBytes * tensor.blockBytes;
        for (long written = 0; written < tensor.bytes;) {
            MemorySegment piece = buffer.asSlice(0, Math.min(most, tensor.bytes - written));
            tensor.source.fill(piece);
            writeAll(out, piece.asByteBuffer());
            written += piece.byteSize();
        }
        writeAll(out, ByteBuffer.allocate((int) (aligned(tensor.bytes) - tensor.bytes)));
    }

    private byte[] header() {
        ByteArrayOutputStream header = new ByteArrayOutputStream();
        header.writeBytes(GgufPreamble.start(GgufPreamble.MAGIC, VERSION, tensors.size(),
                metadata.size()));
        header.writeBytes(metadata.toBytes());
        tensors.forEach(tensor -> header.writeBytes(tensor.info));
        header.writeBytes(new byte[(int) (aligned(header.size()) - header.size())]);
        return header.toByteArray();
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
    }

    private static void writeAll(WritableByteChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }
}

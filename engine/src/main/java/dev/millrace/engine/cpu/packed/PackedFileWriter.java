package dev.millrace.engine.cpu.packed;

import dev.millrace.engine.cpu.packed.PackedHeader.Entry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Writes packed weights, matrices first and the head last. */
final class PackedFileWriter {

    private PackedFileWriter() {}

    /**
     * Writes a new file, leaving half of a processor to others.
     *
     * @param matrices the bytes of each entry, in order
     * @param stop     asked every few milliseconds
     * @return whether all was written
     */
    static boolean write(Path path, PackedHeader header, List<MemorySegment> matrices,
            BooleanSupplier stop) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE)) {
            for (int i = 0; i < matrices.size(); i++) {
                Entry entry = header.entries().get(i);
                for (int piece = 0; piece < entry.checksums().length; piece++) {
                    if (stop.getAsBoolean()) {
                        return false;
                    }
                    long startNanos = System.nanoTime();
                    writePiece(channel, entry, matrices.get(i), piece);
                    LockSupport.parkNanos(System.nanoTime() - startNanos);
                }
            }
            ByteBuffer head = ByteBuffer.wrap(header.encoded());
            write(channel, head, 0);
            // A hole at the end: the last matrix is padded to a page like the others.
            if (channel.size() < header.fileBytes()) {
                write(channel, ByteBuffer.allocate(1), header.fileBytes() - 1);
            }
            return true;
        }
    }

    private static void writePiece(FileChannel channel, Entry entry, MemorySegment matrix,
            int piece) throws IOException {
        long begin = (long) piece * PackedHeader.PIECE_BYTES;
        ByteBuffer bytes = matrix.asSlice(begin, entry.pieceBytes(piece)).asByteBuffer();
        entry.checksums()[piece] = PackedHeader.checksum(bytes.duplicate());
        write(channel, bytes, entry.offset() + begin);
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long position)
            throws IOException {
        long at = position;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }
}

package dev.millrace.engine.cpu.packed;

import dev.millrace.engine.cpu.packed.PackedHeader.Entry;
import dev.millrace.kernels.WorkerPool;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** Packed weights, mapped, every byte of them compared with its checksum. */
public final class PackedFile implements AutoCloseable {

    private final Arena arena;
    private final Map<PackedKey, MemorySegment> matrices = new HashMap<>();

    /** A stretch of the file and what its checksum should be. */
    private record Piece(MemorySegment bytes, int checksum) {}

    private PackedFile(Arena arena, MemorySegment file, PackedHeader header) {
        this.arena = arena;
        for (Entry entry : header.entries()) {
            matrices.put(entry.key(), file.asSlice(entry.offset(), entry.bytes()));
        }
    }

    /** Reads the head alone. @throws PackedFileException if it is unsound */
    static PackedHeader header(Path path) throws PackedFileException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return header(channel);
        } catch (IOException e) {
            throw new PackedFileException("it cannot be read: " + e.getMessage(), e);
        }
    }

    private static PackedHeader header(FileChannel channel)
            throws IOException, PackedFileException {
        ByteBuffer prefix = read(channel, PackedHeader.PREFIX_BYTES);
        byte[] body = read(channel, PackedHeader.bodyBytes(prefix)).array();
        return PackedHeader.decode(prefix, body, channel.size());
    }

    private static ByteBuffer read(FileChannel channel, int bytes)
            throws IOException, PackedFileException {
        if (bytes > channel.size()) {
            throw new PackedFileException("it is cut short");
        }
        ByteBuffer buffer = ByteBuffer.allocate(bytes);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                throw new PackedFileException("it is cut short");
            }
        }
        return buffer;
    }

    /**
     * Maps a file. Comparing the checksums also brings every page into the memory, all workers
     * together: about 40 ms for a gigabyte that the system still has.
     *
     * @return null if it was made from or by something else
     * @throws PackedFileException if it is unsound
     */
    static PackedFile open(Path path, PackedSource source, WorkerPool pool)
            throws PackedFileException {
        Arena arena = Arena.ofShared();
        PackedFile opened = null;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            PackedHeader header = header(channel);
            if (!header.source().matches(source)) {
                return null;
            }
            MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0,
                    header.fileBytes(), arena);
            verify(header, file, pool);
            opened = new PackedFile(arena, file, header);
            return opened;
        } catch (IOException e) {
            throw new PackedFileException("it cannot be read: " + e.getMessage(), e);
        } finally {
            if (opened == null) {
                arena.close();
            }
        }
    }

    private static void verify(PackedHeader header, MemorySegment file, WorkerPool pool)
            throws PackedFileException {
        List<Piece> pieces = header.entries().stream().flatMap(entry -> pieces(entry, file)
                .stream()).toList();
        AtomicInteger next = new AtomicInteger();
        AtomicReference<Piece> changed = new AtomicReference<>();
        pool.run((worker, workers) -> {
            for (int i = next.getAndIncrement(); i < pieces.size(); i = next.getAndIncrement()) {
                Piece piece = pieces.get(i);
                if (PackedHeader.checksum(piece.bytes().asByteBuffer()) != piece.checksum()) {
                    changed.set(piece);
                }
            }
        });
        if (changed.get() != null) {
            throw new PackedFileException("the weights in it were changed");
        }
    }

    private static List<Piece> pieces(Entry entry, MemorySegment file) {
        int[] checksums = entry.checksums();
        Piece[] pieces = new Piece[checksums.length];
        for (int i = 0; i < pieces.length; i++) {
            pieces[i] = new Piece(file.asSlice(
                    entry.offset() + (long) i * PackedHeader.PIECE_BYTES, entry.pieceBytes(i)),
                    checksums[i]);
        }
        return List.of(pieces);
    }

    /** The bytes of a matrix, until this is closed; null if it is not there. */
    public MemorySegment find(PackedKey key) {
        return matrices.get(key);
    }

    /** Unmaps the file; what {@link #find} gave becomes invalid. */
    @Override
    public void close() {
        arena.close();
    }
}

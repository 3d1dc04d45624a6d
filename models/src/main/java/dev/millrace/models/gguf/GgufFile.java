package dev.millrace.models.gguf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Optional;

/** A GGUF file, mapped: its metadata and its tensors, all known to lie inside it. */
public final class GgufFile implements AutoCloseable {

    private final String source;
    private final Arena arena;
    private final MemorySegment bytes;
    private final GgufHeader header;

    private GgufFile(String source, Arena arena, MemorySegment bytes) {
        this.source = source;
        this.arena = arena;
        this.bytes = bytes;
        this.header = GgufHeader.read(new GgufCursor(bytes, source), source);
    }

    /**
     * Maps a file and reads its header.
     *
     * @throws GgufException if there is no such file, or it is not a sound GGUF file
     */
    public static GgufFile open(Path path) {
        if (!Files.isRegularFile(path)) {
            throw new GgufException(Files.exists(path)
                    ? path + " is not a file; give the path of a .gguf file"
                    : "there is no file " + path);
        }
        Arena arena = Arena.ofShared();
        GgufFile file = null;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(),
                    arena);
            file = new GgufFile(path.toString(), arena, bytes);
            return file;
        } catch (IOException e) {
            throw new GgufException("cannot read " + path + ": " + e.getMessage(), e);
        } finally {
            if (file == null) {
                arena.close();
            }
        }
    }

    /** What to call this file in messages. */
    public String source() {
        return source;
    }

    /** Version of the format, 2 or 3. */
    public int version() {
        return header.version();
    }

    public GgufMetadata metadata() {
        return header.metadata();
    }

    /** Every tensor, in file order. */
    public Collection<GgufTensor> tensors() {
        return header.tensors().values();
    }

    public Optional<GgufTensor> find(String name) {
        return Optional.ofNullable(header.tensors().get(name));
    }

    /** The tensor's blocks, borrowed from the mapping until this file is closed. */
    public MemorySegment blocks(GgufTensor tensor) {
        return bytes.asSlice(tensor.offset(), tensor.bytes());
    }

    /** Unmaps the file; every tensor and array becomes invalid. */
    @Override
    public void close() {
        arena.close();
    }
}

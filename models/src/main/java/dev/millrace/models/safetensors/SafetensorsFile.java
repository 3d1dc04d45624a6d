package dev.millrace.models.safetensors;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;

/** A safetensors file, mapped: its tensors, all known to lie inside it and apart. */
public final class SafetensorsFile implements AutoCloseable {

    private final String source;
    private final Arena arena;
    private final MemorySegment bytes;
    private final SafetensorsHeader header;

    private SafetensorsFile(String source, Arena arena, MemorySegment bytes) {
        this.source = source;
        this.arena = arena;
        this.bytes = bytes;
        this.header = new SafetensorsHeader(bytes, source);
    }

    /**
     * Maps a file and reads its header.
     *
     * @throws SafetensorsException if there is no such file, or it is not sound
     */
    public static SafetensorsFile open(Path path) {
        if (!Files.isRegularFile(path)) {
            throw new SafetensorsException(Files.exists(path)
                    ? path + " is not a file"
                    : "there is no file " + path);
        }
        Arena arena = Arena.ofShared();
        SafetensorsFile file = null;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(),
                    arena);
            file = new SafetensorsFile(path.toString(), arena, bytes);
            return file;
        } catch (IOException e) {
            throw new SafetensorsException("cannot read " + path + ": " + e.getMessage(), e);
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

    /** What the file says about itself, in its order; usually only {@code format: pt}. */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    /** Every tensor, in the order of the header. */
    public Collection<SafetensorsTensor> tensors() {
        return Collections.unmodifiableCollection(header.tensors().values());
    }

    public Optional<SafetensorsTensor> find(String name) {
        return Optional.ofNullable(header.tensors().get(name));
    }

    /** The tensor's bytes, borrowed from the mapping until this file is closed. */
    public MemorySegment data(SafetensorsTensor tensor) {
        return bytes.asSlice(tensor.offset(), tensor.bytes());
    }

    /** Unmaps the file; every tensor becomes invalid. */
    @Override
    public void close() {
        arena.close();
    }
}

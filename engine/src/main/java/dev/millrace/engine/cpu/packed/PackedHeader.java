package dev.millrace.engine.cpu.packed;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.WeightRole;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * The head of a file of packed weights: eight characters that say what it is, version, length and
 * checksum of what follows (32 bits each, big endian), and that: source, size of the file and,
 * per matrix, key, place and a checksum for every {@link #PIECE_BYTES}.
 *
 * @param fileBytes of the whole file
 */
record PackedHeader(PackedSource source, long fileBytes, List<Entry> entries) {

    /** A checksum covers so much of a matrix, or what is left of it. */
    static final int PIECE_BYTES = 4 << 20;
    /** Matrices begin at pages. */
    static final int ALIGNMENT_BYTES = 4096;
    /** Of magic, version, length and checksum. */
    static final int PREFIX_BYTES = 20;
    /** More than a model of 65,536 experts and a terabyte needs. */
    private static final int MAX_BODY_BYTES = 64 << 20;
    private static final long MAGIC = ByteBuffer.wrap("MILLPACK".getBytes(
            StandardCharsets.US_ASCII)).getLong();
    private static final int VERSION = 1;

    /** @param checksums CRC32C of each piece */
    record Entry(PackedKey key, long offset, long bytes, int[] checksums) {

        static int pieces(long bytes) {
            return Math.toIntExact(Math.ceilDiv(bytes, PIECE_BYTES));
        }

        /** Length of a piece. */
        long pieceBytes(int piece) {
            return Math.min(PIECE_BYTES, bytes - (long) piece * PIECE_BYTES);
        }
    }

    PackedHeader {
        entries = List.copyOf(entries);
    }

    /** Lays matrices out one after the other, with room for their checksums. */
    static PackedHeader layOut(PackedSource source, List<PackedKey> keys, List<Long> bytes) {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < keys.size(); i++) {
            entries.add(new Entry(keys.get(i), 0, bytes.get(i),
                    new int[Entry.pieces(bytes.get(i))]));
        }
        long offset = align(new PackedHeader(source, 0, entries).encoded().length);
        for (int i = 0; i < entries.size(); i++) {
            Entry entry = entries.get(i);
            entries.set(i, new Entry(entry.key(), offset, entry.bytes(), entry.checksums()));
            offset = align(offset + entry.bytes());
        }
        return new PackedHeader(source, offset, entries);
    }

    private static long align(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    }

    /** The same length whatever offsets and checksums are. */
    byte[] encoded() {
        byte[] body = encodedBody();
        return ByteBuffer.allocate(PREFIX_BYTES + body.length).putLong(MAGIC).putInt(VERSION)
                .putInt(body.length).putInt(checksum(ByteBuffer.wrap(body))).put(body).array();
    }

    private byte[] encodedBody() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeUTF(source.file().toString());
            out.writeUTF(source.identity());
            out.writeUTF(source.layout());
            out.writeLong(fileBytes);
            out.writeInt(entries.size());
            for (Entry entry : entries) {
                PackedKey key = entry.key();
                out.writeUTF(key.role().name());
                out.writeInt(key.layer());
                out.writeInt(key.expert());
                out.writeUTF(key.format().name());
                out.writeLong(key.shape().rows());
                out.writeLong(key.shape().columns());
                out.writeLong(entry.offset());
                out.writeLong(entry.bytes());
                for (int checksum : entry.checksums()) {
                    out.writeInt(checksum);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e); // memory does not fail
        }
        return bytes.toByteArray();
    }

    /**
     * How long the body is that follows a prefix.
     *
     * @throws PackedFileException if this is no file of this version
     */
    static int bodyBytes(ByteBuffer prefix) throws PackedFileException {
        if (prefix.getLong(0) != MAGIC || prefix.getInt(8) != VERSION) {
            throw new PackedFileException("it is of another kind or version");
        }
        int bytes = prefix.getInt(12);
        if (bytes < 0 || bytes > MAX_BODY_BYTES) {
            throw new PackedFileException("its head would have " + bytes + " bytes");
        }
        return bytes;
    }

    /**
     * Reads what {@link #encoded} wrote.
     *
     * @param actualBytes of the file
     * @throws PackedFileException if it was changed or cut short
     */
    static PackedHeader decode(ByteBuffer prefix, byte[] body, long actualBytes)
            throws PackedFileException {
        if (prefix.getInt(16) != checksum(ByteBuffer.wrap(body))) {
            throw new PackedFileException("its head was changed");
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body))) {
            PackedSource source = new PackedSource(Path.of(in.readUTF()), in.readUTF(),
                    in.readUTF());
            long fileBytes = in.readLong();
            if (fileBytes != actualBytes) {
                throw new PackedFileException("it has " + actualBytes + " bytes instead of "
                        + fileBytes);
            }
            int count = in.readInt();
            List<Entry> entries = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                entries.add(entry(in, fileBytes));
            }
            return new PackedHeader(source, fileBytes, entries);
        } catch (IOException | IllegalArgumentException e) {
            throw new PackedFileException("its head does not make sense", e);
        }
    }

    private static Entry entry(DataInputStream in, long fileBytes)
            throws IOException, PackedFileException {
        WeightRole role = WeightRole.valueOf(in.readUTF());
        int layer = in.readInt();
        int expert = in.readInt();
        QuantFormat format = QuantFormat.valueOf(in.readUTF());
        TensorShape shape = TensorShape.matrix(in.readLong(), in.readLong());
        long offset = in.readLong();
        long bytes = in.readLong();
        if (offset < 0 || bytes < 0 || offset % ALIGNMENT_BYTES != 0
                || offset > fileBytes - bytes) {
            throw new PackedFileException("a matrix lies outside of it");
        }
        int[] checksums = new int[Entry.pieces(bytes)];
        for (int i = 0; i < checksums.length; i++) {
            checksums[i] = in.readInt();
        }
        return new Entry(new PackedKey(role, layer, expert, format, shape), offset, bytes,
                checksums);
    }

    static int checksum(ByteBuffer bytes) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes);
        return (int) checksum.getValue();
    }
}

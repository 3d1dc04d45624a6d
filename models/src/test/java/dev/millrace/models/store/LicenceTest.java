package dev.millrace.models.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class LicenceTest {

    @ParameterizedTest
    @ValueSource(strings = {"apache-2.0", "Apache-2.0", "Apache License 2.0", "MIT", "mit",
        "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "gpl-3.0", "agpl-3.0", "mpl-2.0"})
    void openLicencesRestrictNoUse(String id) {
        assertThat(Licence.of(id).restriction()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"llama2,acceptable use policy", "llama3,Built with Meta Llama 3",
        "llama3.1,Built with Llama", "llama3.2,700 million", "llama3.3,700 million",
        "llama4,700 million", "gemma,prohibited use policy", "gemma-terms-of-use,prohibited",
        "cc-by-nc-4.0,commercial", "cc-by-nc-sa-4.0,commercial", "openrail,RAIL",
        "creativeml-openrail-m,RAIL", "bigscience-bloom-rail-1.0,RAIL", "openrail++,RAIL",
        "deepseek,military", "qwen-research,Research", "qwen,100 million",
        "tongyi-qianwen,100 million", "mrl,commercial use needs", "mnpl-0.1,in production",
        "other,card", "unknown,does not say", "'',does not say", "something-new,does not know"})
    void tellsInASentenceWhatALicenceKeepsUsersFrom(String id, String words) {
        assertThat(Licence.of(id).restriction()).hasValueSatisfying(text -> assertThat(text)
                .contains(words).endsWith(".").doesNotContain(". "));
    }

    @Test
    void readsWhatAModelSaysAboutItself(@TempDir Path folder) throws IOException {
        assertThat(Licence.ofModel(folder.resolve("m.gguf"), Map.of("general.license", "mit")).id())
                .isEqualTo("mit");
        assertThat(Licence.ofModel(folder, Map.of()).id()).isEqualTo(Licence.UNKNOWN);
        Files.writeString(folder.resolve("README.md"),
                "---\nlicense: \"gemma\"\ntags: [a]\n---\nlicense: mit\n");
        assertThat(Licence.ofModel(folder, Map.of()).id()).isEqualTo("gemma");
        Files.writeString(folder.resolve("README.md"),
                "---\nlicense: other\nlicense_name: mrl\n---\n");
        assertThat(Licence.ofModel(folder, Map.of()).id()).isEqualTo("mrl");
        Files.writeString(folder.resolve("README.md"), "# A model\nlicense: mit\n");
        assertThat(Licence.ofModel(folder, Map.of()).id()).isEqualTo(Licence.UNKNOWN);
        Files.write(folder.resolve("README.md"), new byte[]{'-', '-', '-', '\n', (byte) 0xff});
        assertThat(Licence.ofModel(folder, Map.of()).id()).isEqualTo(Licence.UNKNOWN);
    }

    @Test
    void aHostileNameBecomesOneShortLine() {
        Licence licence = Licence.of("a\u001b[31m\nb" + "x".repeat(500));

        assertThat(licence.id()).hasSizeLessThanOrEqualTo(64).doesNotContainPattern("\\p{Cntrl}");
    }
}

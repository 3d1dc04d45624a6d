package dev.millrace.models;

import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.fixtures.TinyVocabulary;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

class ChatPromptTest {

    private static final ChatTemplate TEMPLATE = ChatTemplate.compile(
            "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"
                    + "{% if add_generation_prompt %}at{% endif %}");

    @TempDir
    Path folder;

    @Test
    void onlyTheTemplatesOwnEndTokenIsSpecial() {
        try (Model model = Model.open(
                TinyModels.llama().writer().write(folder.resolve("model.gguf")))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();

            int[] tokens = ChatPrompt.encode(TEMPLATE, tokenizer,
                    List.of(Map.of("role", "user", "content", "the </s>")));

            assertThat(tokens).startsWith(TinyVocabulary.START)
                    .containsOnlyOnce(TinyVocabulary.END);
            assertThat(tokenizer.decode(tokens)).contains("the </s>").endsWith("at");
        }
    }
}

package dev.millrace.bench.synth;

import dev.millrace.models.ModelSpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class ModelShapeTest {

    @ParameterizedTest
    @CsvSource({
        "llama-135m, 30,  576,  1536,  9,  3,  49152, true",
        "tinyllama,  22, 2048,  5632, 32,  4,  32000, false",
        "llama-1b,   16, 2048,  8192, 32,  8, 128256, true",
        "llama-3b,   28, 3072,  8192, 24,  8, 128256, true",
        "llama-7b,   32, 4096, 11008, 32, 32,  32000, false",
        "llama-8b,   32, 4096, 14336, 32,  8, 128256, false"})
    void namedShapesHaveTheirPublishedSizes(String name, int layers, int embedding,
            int feedForward, int heads, int kvHeads, int vocabulary, boolean tied) {
        ModelSpec spec = ModelShape.parse(name);
        assertThat(spec.layers()).isEqualTo(layers);
        assertThat(spec.embeddingSize()).isEqualTo(embedding);
        assertThat(spec.widestFeedForward()).isEqualTo(feedForward);
        assertThat(spec.heads()).isEqualTo(heads);
        assertThat(spec.kvHeads()).isEqualTo(kvHeads);
        assertThat(spec.headSize()).isEqualTo(embedding / heads);
        assertThat(spec.vocabularySize()).isEqualTo(vocabulary);
        assertThat(spec.tiedEmbeddings()).isEqualTo(tied);
        assertThat(ModelShape.names()).contains(name);
    }

    @Test
    void settingsAfterANameReplaceItsOwn() {
        ModelSpec spec = ModelShape.parse("llama-1b,layers=2,tied=false,head_size=80");
        assertThat(spec.layers()).isEqualTo(2);
        assertThat(spec.tiedEmbeddings()).isFalse();
        assertThat(spec.headSize()).isEqualTo(80);
        assertThat(spec.embeddingSize()).isEqualTo(2048);
    }

    @Test
    void settingsAloneMakeAShape() {
        ModelSpec spec = ModelShape.parse("layers=1,embedding=64,feed_forward=96,heads=4");
        assertThat(spec.kvHeads()).isEqualTo(4);
        assertThat(spec.headSize()).isEqualTo(16);
        assertThat(spec.tiedEmbeddings()).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "llama-9000 | \"llama-9000\" in the shape \"llama-9000\" is neither a name (llama-135m,",
        "layers=2,llama-1b=3 | \"llama-1b=3\" in the shape",
        "layers=2 | lacks embedding=; give it, or start with a name",
        "llama-1b,layers=0 | layers in the shape \"llama-1b,layers=0\" is 0; it must be a positive",
        "llama-1b,layers=many | is many; it must be a positive whole number",
        "llama-1b,rope_base=-1 | is -1; it must be a positive number",
        "llama-1b,tied=maybe | is maybe; it must be true or false",
        "llama-1b,kv_heads=5 | is 5; it must be a divisor of the 32 query heads",
        "llama-1b,heads=48 | is 48; it must be a divisor of the embedding's 2048 elements",
        "llama-1b,head_size=7 | is 7; it must be even",
        "llama-1b,vocabulary=100 | is 100; it must be at least 260"})
    void aShapeThatDoesNotFitIsRefused(String text, String message) {
        assertThatIllegalArgumentException().isThrownBy(() -> ModelShape.parse(text))
                .withMessageContaining(message);
    }
}

package dev.millrace.server.wiring;

import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.models.fixtures.TinyModels;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** A whole server whose GPU fails: what clients and orchestrators are told, and what it costs. */
class CudaFailureServingTest extends ServerOnGpus {

    private static final String TEMPLATE = "{% for message in messages %}{{ message.content }}"
            + "{% endfor %}";
    private static final int OUT_OF_MEMORY = 2;
    private static final int ILLEGAL_ADDRESS = 700;
    private static final int LAUNCH_OUT_OF_RESOURCES = 701;

    private void start(String... names) throws IOException {
        Path file = TinyModels.llama().chatTemplate(TEMPLATE).contextTokens(512).write(folder);
        List<ModelSource> sources = new ArrayList<>();
        for (String name : names) {
            Path own = Files.copy(file, folder.resolve(name + "-own.gguf"));
            sources.add(new ModelSource(name, own, Optional.empty()));
        }
        start(sources);
    }

    private HttpResponse<String> chat(String model) throws Exception {
        return chat(model, 0, 8, "");
    }

    @Test
    void aLostGpuIsToldToAllAndOrchestratorsStartTheServerAnew() throws Exception {
        start("tiny");
        assertThat(get("/readyz").statusCode()).isEqualTo(200);
        String before = said(chat("tiny"));
        EmulatedDriver.fail("graph", 3, ILLEGAL_ADDRESS);

        HttpResponse<String> failed = chat("tiny");
        HttpResponse<String> refused = chat("tiny");

        assertThat(before).isNotNull();
        assertThat(failed.statusCode()).isEqualTo(500);
        assertThat(message(failed)).isEqualTo("the generation failed: " + message(refused));
        assertThat(message(refused)).startsWith("the GPU 0 (emulated device) is lost:"
                + " CUDA_ERROR_ILLEGAL_ADDRESS, an illegal memory access was encountered")
                .contains("restart the server", "nvidia-smi", "Xid");
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.headers().firstValue("Retry-After")).isPresent();
        for (String path : List.of("/readyz", "/health", "/livez")) {
            HttpResponse<String> health = get(path);
            assertThat(health.statusCode()).as(path).isEqualTo(503);
            assertThat(json(health.body()).at("/message").asString())
                    .isEqualTo(message(refused));
        }
        assertBooksBalance(3);
    }

    @Test
    void anErrorThatDoesNotStayFailsItsRequestOnly() throws Exception {
        start("tiny");
        String expected = said(chat("tiny"));
        EmulatedDriver.fail("graph", 3, LAUNCH_OUT_OF_RESOURCES);

        HttpResponse<String> failed = chat("tiny");

        assertThat(failed.statusCode()).isEqualTo(500);
        assertThat(message(failed)).contains("the model's step failed");
        assertThat(said(chat("tiny"))).isEqualTo(expected);
        assertThat(get("/readyz").statusCode()).isEqualTo(200);
        assertThat(get("/livez").statusCode()).isEqualTo(200);
        assertBooksBalance(3);
    }

    @Test
    void aSecondModelThatFindsNoMemoryIsRefusedInNumbersAndTheServerGoesOn() throws Exception {
        start("tiny", "twin");
        String expected = said(chat("tiny"));
        EmulatedDriver.fail("allocate", 2, OUT_OF_MEMORY);

        HttpResponse<String> refused = chat("twin");

        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(message(refused)).matches("twin could not be loaded: the emulated device has"
                + " \\d+ bytes of memory left, and \\d+ more were needed for .*; lower the memory"
                + " limit below what is free \\(see nvidia-smi\\)");
        assertThat(said(chat("tiny"))).isEqualTo(expected);
        assertThat(said(chat("twin"))).isEqualTo(expected);
        assertThat(get("/readyz").statusCode()).isEqualTo(200);
        assertBooksBalance(4);
    }
}
